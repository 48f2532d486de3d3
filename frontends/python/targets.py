# SPDX-License-Identifier: Apache-2.0
"""`@target`: a function that says how something is built. Called in another target it is built once for both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar, overload

from ladle.frontends.python import ambient

P = ParamSpec("P")
R = TypeVar("R")


class Target(Generic[P, R]):
    """A function as a target: its parameters are build arguments, its docstring says what it makes."""

    def __init__(self, function: Callable[P, R], *, name: str = "", default: bool = False) -> None:
        self.function = function
        self.name = name or function.__name__
        self.is_default = default
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    @property
    def description(self) -> str:
        """The first line of the docstring."""
        return next((line.strip() for line in (self.__doc__ or "").splitlines() if line.strip()), "")

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what the function makes; parameters that are not given are the build's arguments."""
        work = ambient.current()
        if work is None:
            return self.function(*args, **kwargs)
        made: R = work.call(self, args, kwargs)
        return made

    def __repr__(self) -> str:
        return f"<target {self.name}>"


@overload
def target(function: Callable[P, R], /) -> Target[P, R]: ...


@overload
def target(*, name: str = "", default: bool = False) -> Callable[[Callable[P, R]], Target[P, R]]: ...


def target(function: Callable[..., Any] | None = None, /, *, name: str = "", default: bool = False) -> Any:
    """Make a function a target, by its own name or by `name`. The last one is built unless one is the `default`."""
    if function is not None:
        return Target(function)
    return lambda found: Target(found, name=name, default=default)
