# SPDX-License-Identifier: Apache-2.0
"""The language of conditions and of `${{ … }}`: values, names, comparisons, a few functions; no loops, no effects.

or      = and { ("or" | "||") and }
and     = not { ("and" | "&&") not }
not     = ("not" | "!") not | compare
compare = value [ ("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not" "in") value ]
value   = text | number | "true" | "false" | name { "." name } [ "(" [ or { "," or } ] ")" ] | "(" or ")"
text    = "'" … "'" | '"' … '"'        (a quote inside is written twice)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TypeAlias

from ladle.frontends.suggest import nearest
from ladle.llb.values import dataclass

Value: TypeAlias = str | int | bool | tuple[str, ...]
MAX_EXPRESSION = 4096
"""Characters of an expression."""
MAX_VALUE = 65_536
"""Characters of a value that a function makes."""
_MAX_NESTING = 30
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")|(?P<number>[0-9]+(?:\.[0-9]+)*)"""
    r"""|(?P<name>[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*)"""
    r"""|(?P<sign>==|!=|<=|>=|&&|\|\||[<>!(),]))""",
    re.ASCII,
)
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "in")
_WORDS = {"and": "&&", "or": "||", "not": "!", "in": "in"}


class ExpressionError(Exception):
    """What is wrong with an expression, and where in it; `near` is what was perhaps meant by an unknown name."""

    def __init__(self, message: str, start: int, end: int, *, name: str = "", near: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end
        self.name = name
        self.near = near


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def evaluate(text: str, names: Mapping[str, Value]) -> Value:
    """Return the value of an expression; raises `ExpressionError`. All of it is worked out, so all mistakes show."""
    return _Evaluation(_tokens(text), names).whole()


def names_in(text: str) -> list[str]:
    """Return the names that an expression uses; raises `ExpressionError` for what is none."""
    tokens = _tokens(text)
    return [
        token.text
        for token, after in pairwise(tokens)
        if token.kind == "name" and after.text != "(" and token.text not in ("true", "false")
    ]


def _tokens(text: str) -> list[_Token]:
    if len(text) > MAX_EXPRESSION:
        raise ExpressionError(f"an expression is longer than {MAX_EXPRESSION} characters", 0, 1)
    found: list[_Token] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            start = place + len(text[place:]) - len(text[place:].lstrip())
            raise ExpressionError(f"`{text[start]}` means nothing in an expression", start, start + 1)
        kind, word = match.lastgroup, match[match.lastgroup]
        if kind == "name" and word in _WORDS:
            kind, word = "sign", _WORDS[word]
        found.append(_Token(kind, word, match.start(match.lastgroup), match.end()))
        place = match.end()
    return [*found, _Token("end", "", end, end)]


class _Evaluation:
    def __init__(self, tokens: list[_Token], names: Mapping[str, Value]) -> None:
        self.tokens = tokens
        self.names = names
        self.place = 0
        self.depth = 0

    def whole(self) -> Value:
        value = self._or()
        token = self.tokens[self.place]
        if token.kind != "end":
            raise ExpressionError(f"`{token.text}` is unexpected here", token.start, token.end)
        return value

    def _next(self) -> _Token:
        token = self.tokens[self.place]
        self.place += token.kind != "end"
        return token

    def _take(self, *signs: str) -> _Token | None:
        token = self.tokens[self.place]
        return self._next() if token.kind == "sign" and token.text in signs else None

    def _or(self) -> Value:
        self.depth += 1
        if self.depth > _MAX_NESTING:
            token = self.tokens[self.place]
            raise ExpressionError("the expression is too deep", token.start, token.end)
        value = self._and()
        while self._take("||"):
            other = self._and()
            value = truth(value) or truth(other)
        self.depth -= 1
        return value

    def _and(self) -> Value:
        value = self._not()
        while self._take("&&"):
            other = self._not()
            value = truth(value) and truth(other)
        return value

    def _not(self) -> Value:
        flips = 0
        while self._take("!"):
            flips += 1
        value = self._compare()
        return value if not flips else truth(value) is (flips % 2 == 0)

    def _compare(self) -> Value:
        value = self._value()
        sign = self._take(*_COMPARISONS)
        turned = False
        if sign is None and self.tokens[self.place].text == "!" and self.tokens[self.place + 1].text == "in":
            self._next()
            sign, turned = self._next(), True
        if sign is None:
            return value
        other = self._value()
        if sign.text == "in":
            return contains(other, value) is not turned
        if sign.text in ("==", "!="):
            return (shown(value) == shown(other)) is (sign.text == "==")
        one, two = _order(value), _order(other)
        return {"<": one < two, "<=": one <= two, ">": one > two, ">=": one >= two}[sign.text]

    def _value(self) -> Value:
        token = self._next()
        if token.kind == "text":
            return token.text[1:-1].replace(token.text[0] * 2, token.text[0])
        if token.kind == "number":
            return int(token.text) if token.text.isdigit() and len(token.text) < 19 else token.text
        if token.kind == "name":
            return self._call(token) if self._take("(") else self._name(token)
        if token.text == "(":
            value = self._or()
            self._close()
            return value
        what = f"`{token.text}`" if token.text else "the end"
        raise ExpressionError(f"a value is missing before {what}", token.start, max(token.end, token.start + 1))

    def _close(self) -> None:
        token = self.tokens[self.place]
        if self._take(")") is None:
            raise ExpressionError("a `)` is missing", token.start, max(token.end, token.start + 1))

    def _name(self, token: _Token) -> Value:
        if token.text in ("true", "false"):
            return token.text == "true"
        if token.text not in self.names:
            near = nearest(token.text, self.names)
            if not near and f"args.{token.text}" in self.names:
                near = f"args.{token.text}"
            raise ExpressionError("", token.start, token.end, name=token.text, near=near)
        return self.names[token.text]

    def _call(self, token: _Token) -> Value:
        given: list[Value] = []
        if not self._take(")"):
            given.append(self._or())
            while self._take(","):
                given.append(self._or())
            self._close()
        if token.text not in FUNCTIONS:
            raise ExpressionError("", token.start, token.end, name=token.text, near=nearest(token.text, FUNCTIONS))
        count, function = FUNCTIONS[token.text]
        if len(given) != count:
            raise ExpressionError(f"{token.text} takes {count} values, not {len(given)}", token.start, token.end)
        try:
            return function(*given)
        except OverflowError:
            message = f"what {token.text} returns is longer than {MAX_VALUE:,} characters"
            raise ExpressionError(message, token.start, token.end) from None


def truth(value: Value) -> bool:
    """Say whether a value counts as true: not false, 0, an empty text or list, or the text `false`."""
    return bool(value) and value != "false"


def shown(value: Value) -> str:
    """Return a value as text; a list with commas."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def contains(whole: Value, part: Value) -> bool:
    """Say whether a list has an item, or a text a text in it."""
    return shown(part) in (whole if isinstance(whole, tuple) else shown(whole))


def _order(value: Value) -> list[tuple[int, int, str]]:
    """Return what versions are ordered by: numbers as numbers, `3.9` before `3.10`."""
    parts = re.findall(r"[0-9]+|[^0-9.]+", shown(value))
    return [(1, int(part[:18]), part) if part.isascii() and part.isdigit() else (0, 0, part) for part in parts]


def _bounded(size: int) -> None:
    if size > MAX_VALUE:
        raise OverflowError


def _replace(text: Value, old: Value, new: Value) -> Value:
    whole, part, other = shown(text), shown(old), shown(new)
    if not part:
        return whole
    _bounded(len(whole) + whole.count(part) * len(other))
    return whole.replace(part, other)


def _join(values: Value, sign: Value) -> Value:
    texts = values if isinstance(values, tuple) else (shown(values),)
    _bounded(sum(map(len, texts)) + len(texts) * len(shown(sign)))
    return shown(sign).join(texts)


FUNCTIONS: dict[str, tuple[int, Callable[..., Value]]] = {
    "contains": (2, contains),
    "startswith": (2, lambda text, part: shown(text).startswith(shown(part))),
    "endswith": (2, lambda text, part: shown(text).endswith(shown(part))),
    "lower": (1, lambda text: shown(text).lower()),
    "upper": (1, lambda text: shown(text).upper()),
    "replace": (3, _replace),
    "join": (2, _join),
    "split": (2, lambda text, sign: tuple(shown(text).split(shown(sign))) if shown(sign) else (shown(text),)),
    "if": (3, lambda condition, one, other: one if truth(condition) else other),
}
"""Name -> how many values it takes, and the function."""
