# SPDX-License-Identifier: Apache-2.0
"""The parameters of a target: what type each has, and how the text of a build argument becomes a value of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Any

from ladle.llb.ops.platform import Platform
from ladle.llb.values import dataclass

PLATFORM = "platform"
_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")
_VARARGS, _VARKEYWORDS = 4, 8
_MISSING = object()


class ParameterError(Exception):
    """A parameter that no build argument can be: its name, and its type if that is why."""

    def __init__(self, name: str, shown: str = "") -> None:
        super().__init__(name)
        self.name = name
        self.shown = shown


class ValueTextError(Exception):
    """A text that is no value of the type: `wanted` says what is, `choices` which."""

    def __init__(self, wanted: str, choices: tuple[str, ...] = ()) -> None:
        super().__init__(wanted)
        self.wanted = wanted
        self.choices = choices


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter: `kind` is how its type is shown, `parse` makes a value of a text."""

    name: str
    kind: str
    parse: Callable[[str], Any]
    choices: tuple[str, ...] = ()
    default: Any = _MISSING

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is _MISSING

    @property
    def shown_default(self) -> str:
        """The default as a person would give it, "" without one."""
        if self.required or self.default is None:
            return ""
        if isinstance(self.default, bool):
            return "true" if self.default else "false"
        if isinstance(self.default, (list, tuple)):
            return ",".join(map(str, self.default))
        return str(getattr(self.default, "value", self.default))


def parameters_of(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    """Return the parameters of a function but `platform`; raises `ParameterError`."""
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    if code.co_posonlyargcount:
        raise ParameterError(positional[0])
    if code.co_flags & (_VARARGS | _VARKEYWORDS):
        raise ParameterError(code.co_varnames[code.co_argcount + code.co_kwonlyargcount])
    given = function.__defaults__ or ()
    defaults = dict(zip(positional[len(positional) - len(given) :], given, strict=True))
    defaults |= function.__kwdefaults__ or {}
    return tuple(
        _parameter(name, _annotation(function, name), defaults.get(name, _MISSING))
        for name in (*positional, *keywords)
        if name != PLATFORM
    )


def takes_platform(function: Callable[..., Any]) -> str:
    """Return how a function takes the platform: "" (not at all), `value` or `text`."""
    code = function.__code__
    if PLATFORM not in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
        return ""
    found = _annotation(function, PLATFORM)
    if found is str:
        return "text"
    if found in (Platform, _MISSING):
        return "value"
    raise ParameterError(PLATFORM, _shown(found))


def _annotation(function: Callable[..., Any], name: str) -> Any:
    found = function.__annotations__.get(name, _MISSING)
    if not isinstance(found, str):
        return found
    try:
        return eval(found, function.__globals__)
    except (NameError, AttributeError, TypeError, SyntaxError):
        raise ParameterError(name, found) from None


def _parameter(name: str, annotation: Any, default: Any) -> Parameter:
    if annotation is _MISSING:
        annotation = str if default is _MISSING or default is None else type(default)
    if isinstance(annotation, UnionType) or _origin_is(annotation, "Union"):
        kinds = [each for each in annotation.__args__ if each is not NoneType]
        if len(kinds) != 1:
            raise ParameterError(name, _shown(annotation))
        annotation = kinds[0]
    kind, parse, choices = _reader(name, annotation)
    return Parameter(name=name, kind=kind, parse=parse, choices=choices, default=default)


def _reader(name: str, annotation: Any) -> tuple[str, Callable[[str], Any], tuple[str, ...]]:
    if annotation in (str, int, float, bool):
        return annotation.__name__, _PLAIN[annotation], ()
    if annotation is list or getattr(annotation, "__origin__", None) is list:
        if getattr(annotation, "__args__", (str,)) != (str,):
            raise ParameterError(name, _shown(annotation))
        return "list", _list, ()
    if _origin_is(annotation, "Literal"):
        by_text = {str(value): value for value in annotation.__args__}
        return _one_of(by_text)
    if isinstance(annotation, type) and (enum := sys.modules.get("enum")) and issubclass(annotation, enum.Enum):
        members: list[Any] = list(vars(annotation)["_member_map_"].values())
        return _one_of({str(each.value): each for each in members}, {each.name: each for each in members})
    raise ParameterError(name, _shown(annotation))


def _one_of(values: dict[str, Any], others: dict[str, Any] | None = None) -> tuple[str, Any, tuple[str, ...]]:
    choices = tuple(values)
    known = (others or {}) | values
    kind = "one of " + ", ".join(choices)

    def parse(text: str) -> Any:
        if text not in known:
            raise ValueTextError(kind, choices)
        return known[text]

    return kind, parse, choices


def _origin_is(annotation: Any, name: str) -> bool:
    typing = sys.modules.get("typing")
    return typing is not None and getattr(annotation, "__origin__", None) is getattr(typing, name)


def _shown(annotation: Any) -> str:
    return str(getattr(annotation, "__name__", None) or annotation)


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueTextError("a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueTextError("a number") from None


def _truth(text: str) -> bool:
    lowered = text.lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueTextError("true or false")


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


_PLAIN: dict[Any, Callable[[str], Any]] = {str: str, int: _integer, float: _number, bool: _truth}
