# SPDX-License-Identifier: Apache-2.0
"""The language of conditions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladle.frontends.yaml.expr import MAX_EXPRESSION, MAX_VALUE, ExpressionError, Value, evaluate

NAMES: dict[str, Value] = {
    "args.v": "3.10",
    "args.n": 4,
    "args.on": True,
    "args.l": ("a", "b"),
    "platform.arch": "arm64",
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("args.v", "3.10"),
        ("args.n == 4 and args.on", True),
        ("not args.on or args.n > 3", True),
        ("!args.on && true", False),
        ("'a' in args.l", True),
        ("'c' not in args.l", True),
        ("args.v >= '3.9'", True),
        ("args.v < 3.9", False),
        ('platform.arch == "arm64" && (args.n != 5)', True),
        ("'it''s'", "it's"),
        ("join(args.l, ' ')", "a b"),
        ("replace(lower('A-B'), '-', '.')", "a.b"),
        ("if(args.n > 3, 'many', 'few')", "many"),
        ("contains(split('a,b', ','), 'b')", True),
        ("startswith(args.v, 3) && endswith(upper('x'), 'X')", True),
    ],
)
def test_values(text: str, value: Value) -> None:
    assert evaluate(text, NAMES) == value


@pytest.mark.parametrize(
    ("text", "message", "start"),
    [
        ("args.v ==", "a value is missing before the end", 9),
        ("args.v = 'x'", "`=` means nothing", 7),
        ("(args.v", "a `)` is missing", 7),
        ("args.v args.n", "`args.n` is unexpected", 7),
        ("lower('a', 'b')", "lower takes 1 values, not 2", 0),
        ("'open", "`'` means nothing", 0),
        ("(" * 40, "too deep", 30),
        ("", "a value is missing", 0),
    ],
)
def test_mistakes_and_their_places(text: str, message: str, start: int) -> None:
    with pytest.raises(ExpressionError) as error:
        evaluate(text, NAMES)
    assert message in error.value.message
    assert error.value.start == start


def test_unknown_names_have_near_ones() -> None:
    for text, near in (
        ("args.w", "args.v"),
        ("v", "args.v"),
        ("lowr('x')", "lower"),
        ("platform.arc", "platform.arch"),
    ):
        with pytest.raises(ExpressionError) as error:
            evaluate(text, NAMES)
        assert error.value.near == near


def test_expressions_and_their_values_have_a_length() -> None:
    with pytest.raises(ExpressionError, match="longer than"):
        evaluate("'" + "x" * MAX_EXPRESSION + "'", {})
    many: dict[str, Value] = {"x": "x" * 1000}
    assert len(str(evaluate("replace(x, 'x', '12345678901234567890')", many))) < MAX_VALUE
    with pytest.raises(ExpressionError, match="what replace returns"):
        evaluate("replace(replace(x, 'x', x), 'x', x)", many)
    with pytest.raises(ExpressionError, match="what join returns"):
        evaluate("join(split(replace(x, 'x', 'ab'), 'a'), x)", many)


@given(st.text(alphabet="ab.()!=<>&|'\" ,0not", max_size=30))
def test_any_text_is_a_value_or_a_mistake(text: str) -> None:
    try:
        found: object = evaluate(text, NAMES)
    except ExpressionError as error:
        found = (error.start, error.end)
        places = (0, error.start, error.end, len(text) + 1)
        if sorted(places) != list(places):
            raise
    assert found is not None
