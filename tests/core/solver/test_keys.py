# SPDX-License-Identifier: Apache-2.0
"""Keys: one value one encoding, two values two, and golden digests that change only with the version."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladle.core.api.errors import InternalError
from ladle.core.solver.keys import content_key, definition_key, encode, input_key, op_digest, root_key

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)

GOLDEN = (
    "7adfc20941b2139d425f5b2dde85012600e8f7f0bcccad44a0f3454c40b70e4e",
    "aec95cce78d17a913b0689bde140ba00ed5a2837adc6afc7ecc7c1e97e296e4b",
)


def typed(value: Any) -> Any:
    """Return a value that is equal only if types are, too (True is not 1)."""
    if isinstance(value, list):
        return [typed(each) for each in value]
    if isinstance(value, dict):
        return {name: typed(each) for name, each in value.items()}
    return (type(value).__name__, value)


@given(VALUES, VALUES)
def test_encoding_is_injective(one: Any, other: Any) -> None:
    assert (encode(one) == encode(other)) == (typed(one) == typed(other))


@given(st.dictionaries(st.text(max_size=4), st.integers(), max_size=6))
def test_order_of_a_map_does_not_show(value: dict[str, int]) -> None:
    assert encode(value) == encode(dict(reversed(value.items())))


def test_paths_that_are_not_utf8_have_keys() -> None:
    assert encode("\udcff") != encode("\xff")


@pytest.mark.parametrize("value", [1.5, object(), {1: "x"}, {"a"}])
def test_what_cannot_be_a_key_is_refused(value: object) -> None:
    with pytest.raises(InternalError):
        encode(value)


def test_kinds_and_outputs_are_apart() -> None:
    op = op_digest({"a": 1})
    keys = [
        root_key("x", 0),
        root_key("x", 1),
        definition_key(op, [b"d" * 32], 0),
        definition_key(op, [], 0),
        input_key(op, [7], 0),
        content_key(op, [7], 0),
        content_key(op, ["7"], 0),
        input_key(op, [7], 1),
    ]
    assert len(set(keys)) == len(keys)


def test_golden() -> None:
    op = op_digest({"args": ["sh", "-c", "true"], "env": {}, "user": None})
    assert op.hex() == GOLDEN[0]
    assert input_key(op, [1, 2], 0).hex() == GOLDEN[1]
