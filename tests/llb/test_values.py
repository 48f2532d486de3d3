# SPDX-License-Identifier: Apache-2.0
"""Values made by our own `dataclass` are as those of the standard one: each case is put to both."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from ladle.llb.values import dataclass as ours

Made = dict[str, Any]


def classes(decorator: Callable[..., Callable[[type], type]]) -> Made:
    """Return some classes with every kind of field that ladle uses."""

    @decorator(frozen=True, slots=True, kw_only=True)
    class Point:
        """A value."""

        x: int
        y: int = 2
        tags: tuple[str, ...] = dataclasses.field(default=(), compare=False)
        notes: list[str] = dataclasses.field(default_factory=list, hash=False)
        hidden: int = dataclasses.field(default=7, init=False, repr=False)

    @decorator(frozen=True, slots=True)
    class Checked:
        """A value that checks itself, by position or by name."""

        size: int
        unit: str = "B"

        def __post_init__(self) -> None:
            if self.size < 0:
                raise ValueError(f"size {self.size}")

    @decorator(slots=True)
    class Open:
        """May be changed."""

        count: int = 0

    @decorator(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
    class Own:
        """Compares and shows itself in its own way."""

        name: str

        def __eq__(self, other: object) -> bool:
            return isinstance(other, type(self))

        def __hash__(self) -> int:
            return 5

    @decorator(frozen=True, slots=True, kw_only=True)
    class Deeper(Point):
        """Adds a field."""

        z: int = 3

    return {each.__name__: each for each in (Point, Checked, Open, Own, Deeper)}


BOTH = [pytest.param(classes(dataclasses.dataclass), id="standard"), pytest.param(classes(ours), id="ours")]


@pytest.mark.parametrize("made", BOTH)
def test_fields_and_defaults(made: Made) -> None:
    point = made["Point"](x=1)
    assert (point.x, point.y, point.tags, point.notes, point.hidden) == (1, 2, (), [], 7)
    assert point.notes is not made["Point"](x=1).notes
    assert [field.name for field in dataclasses.fields(point)] == ["x", "y", "tags", "notes", "hidden"]
    assert repr(point).endswith(".Point(x=1, y=2, tags=(), notes=[])")
    assert not hasattr(point, "__dict__")
    assert dataclasses.asdict(made["Deeper"](x=1, z=4))["z"] == 4
    assert dataclasses.replace(made["Checked"](1, "K"), size=2) == made["Checked"](2, unit="K")


@pytest.mark.parametrize("made", BOTH)
def test_equality_and_hash(made: Made) -> None:
    point = made["Point"]
    assert point(x=1, tags=("a",)) == point(x=1)
    assert hash(point(x=1, tags=("a",), notes=["n"])) == hash(point(x=1))
    assert point(x=1, notes=["n"]) != point(x=1)
    assert point(x=1) != made["Deeper"](x=1)
    assert made["Open"](1) == made["Open"](count=1)
    assert made["Own"](name="a") == made["Own"](name="b")
    assert hash(made["Own"](name="a")) == 5
    with pytest.raises(TypeError, match="unhashable"):
        hash(made["Open"]())


@pytest.mark.parametrize("made", BOTH)
def test_mistakes_are_refused(made: Made) -> None:
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'x'"):
        made["Point"]()
    with pytest.raises(TypeError, match="unexpected keyword argument 'w'"):
        made["Point"](x=1, w=2)
    with pytest.raises(TypeError, match="takes 1 positional argument"):
        made["Point"](1)
    with pytest.raises(ValueError, match="size -1"):
        made["Checked"](-1)
    with pytest.raises(ValueError, match="size -1"):
        dataclasses.replace(made["Checked"](1), size=-1)


@pytest.mark.parametrize("made", BOTH)
def test_what_is_frozen_stays(made: Made) -> None:
    point = made["Point"](x=1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
        point.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'x'"):
        del point.x
    assert copy.copy(point) == point
    assert point.__class__.__match_args__ == ()
    assert made["Checked"].__match_args__ == ("size", "unit")
    opened = made["Open"]()
    opened.count = 9
    assert opened.count == 9


def test_a_value_of_the_graph_is_pickled() -> None:
    from ladle.llb.ops import Platform

    platform = Platform(architecture="arm64", os="linux", variant="v8")
    assert pickle.loads(pickle.dumps(platform)) == platform


@pytest.mark.parametrize("name", ["ladle.llb.ops.exec", "ladle.llb.ops.file", "ladle.core.api.frontend"])
def test_no_method_is_compiled_at_import(name: str) -> None:
    """The point of it: exec at import is what made them slow."""
    for value in vars(importlib.import_module(name)).values():
        if dataclasses.is_dataclass(value):
            assert value.__eq__.__code__.co_filename != "<string>"
