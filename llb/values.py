# SPDX-License-Identifier: Apache-2.0
"""`dataclass`, made in a fifth of the time: a class's `__init__` is compiled when the first one is made.

The standard decorator compiles six functions a class at import, which for all of ladle's values was a quarter of its
start. Fields, parameters and behaviour are the standard ones, and so are `fields`, `replace` and `asdict`.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter

__all__ = ["dataclass"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass
    from typing import Any
else:

    def dataclass(
        *, frozen: bool = False, slots: bool = False, kw_only: bool = False, eq: bool = True, repr: bool = True
    ) -> Callable[[type], type]:
        """Return a decorator as `dataclasses.dataclass` does, for these of its parameters."""

        def decorate(cls: type) -> type:
            own = set(cls.__dict__)
            if cls.__dict__.get("__hash__", 0) is None:
                own.remove("__hash__")  # not said: it follows from an __eq__ of its own
            plain = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)
            made = plain(cls)
            for name, method in _methods(made, frozen=frozen, eq=eq, repr=repr).items():
                if name not in own:
                    setattr(made, name, method)
            return made

        return decorate


def _methods(cls: type, *, frozen: bool, eq: bool, repr: bool) -> dict[str, Any]:
    """Return the methods that a class gets unless it has them."""
    fields = dataclasses.fields(cls)
    methods: dict[str, Any] = {"__init__": _late_init(cls, frozen=frozen)}
    if eq:
        compared = _picker([field.name for field in fields if field.compare])
        hashed = _picker([f.name for f in fields if (f.compare if f.hash is None else f.hash)])

        def equal(self: Any, other: object) -> Any:
            return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

        methods["__eq__"] = equal
        methods["__hash__"] = (lambda self: hash(hashed(self))) if frozen else None
    if repr:
        shown = [field.name for field in fields if field.repr]

        def text(self: Any) -> str:
            values = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
            return f"{self.__class__.__qualname__}({values})"

        methods["__repr__"] = text
    if frozen:
        methods |= {"__setattr__": _refuse_set, "__delattr__": _refuse_delete}
        methods |= {"__getstate__": _state, "__setstate__": _set_state}
    return methods


def _picker(names: list[str]) -> Callable[[Any], Any]:
    return attrgetter(*names) if names else lambda _: ()


def _late_init(cls: type, *, frozen: bool) -> Callable[..., None]:
    """Return an `__init__` that compiles the real one, puts it in its own place and calls it."""

    def init(self: Any, *args: Any, **values: Any) -> None:
        real = _compile_init(cls, frozen=frozen)
        if cls.__dict__.get("__init__") is init:
            cls.__init__ = real  # type: ignore[misc]
        real(self, *args, **values)

    return init


def _compile_init(cls: type, *, frozen: bool) -> Callable[..., None]:
    missing = dataclasses.MISSING
    known: dict[str, Any] = {"_set": object.__setattr__, "_unset": missing}
    positional, named, body = ["self"], ["*"], []
    for field in dataclasses.fields(cls):
        name, value, default = field.name, field.name, ""
        if field.default is not missing:
            known[f"_default_{name}"] = field.default
            default = f"=_default_{name}"
        elif field.default_factory is not missing:
            known[f"_make_{name}"] = field.default_factory
            default, value = "=_unset", f"_make_{name}() if {name} is _unset else {name}"
        if field.init:
            (named if field.kw_only else positional).append(name + default)
        elif default:
            value = f"_make_{name}()" if default == "=_unset" else f"_default_{name}"
        else:
            continue
        body.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    parameters = ", ".join(positional + (named if len(named) > 1 else []))
    exec(f"def __init__({parameters}):\n " + "\n ".join(body or ["pass"]), known)
    init: Callable[..., None] = known["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _refuse_set(*named: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {named[1]!r}")


def _refuse_delete(*named: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {named[1]!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
