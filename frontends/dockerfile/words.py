# SPDX-License-Identifier: Apache-2.0
"""Words: quotes taken off, variables put in, as a shell would (`$v`, `${v:-w}`, `${v#p}`, `${v/p/r}` and the rest)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field

from ladle.frontends.dockerfile import reasons
from ladle.llb.values import dataclass

MAX_DEPTH = 100
"""Substitutions inside substitutions."""
MAX_EXPANDED = 1 << 20
"""Characters that variables put into one word: `ENV A=$A$A` doubles with every line."""
MAX_MATCHED = 1 << 14
"""Characters of a value that a pattern (`${v#p}`, `${v/p/r}`) is matched with; the time grows with the square."""
WordError = reasons.WordError
"""A word that cannot be expanded."""
_SPECIAL = frozenset("@*#?-$!0")
_BLANKS = re.compile(r"\s+")
_PLAIN = re.compile(r"[^$'\"\\`]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How words are read: the escape character, and what stays as it is written."""

    escape: str = "\\"
    raw_quotes: bool = False
    """Quotes stay."""
    keep_unset: bool = False
    """A variable that is not set stays as it is written."""
    plain_quotes: bool = False
    """Quotes are characters like any other, as in here-documents."""


@dataclass(slots=True)
class Expansion:
    """An expanded word: as one text, as words split at its unquoted blanks, and the variables that were not set."""

    text: str
    words: list[str]
    unset: set[str] = field(default_factory=set)


def expand(word: str, variables: Mapping[str, str], style: Style) -> str:
    """Return a word with its variables put in; raises `WordError`."""
    if _PLAIN.fullmatch(word):
        return word
    return _Reader(word, variables, style).whole().text


def expand_words(word: str, variables: Mapping[str, str], style: Style) -> list[str]:
    """Return what a word becomes when it is split after its variables are put in; raises `WordError`."""
    return _Reader(word, variables, style).whole().words


def expansion(word: str, variables: Mapping[str, str], style: Style) -> Expansion:
    """Return everything about a word; raises `WordError`."""
    return _Reader(word, variables, style).whole()


class _Words:
    """Collects text into words; blanks end one unless they are quoted."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._parts: list[str] = []

    def add(self, text: str, *, raw: bool) -> None:
        first, *others = [text] if raw else _BLANKS.split(text)
        self._parts.append(first)
        for part in others:
            self._end()
            self._parts.append(part)

    def _end(self) -> None:
        word = "".join(self._parts)
        if word:
            self._done.append(word)
        self._parts = []

    def finish(self) -> list[str]:
        self._end()
        return self._done


class _Reader:
    """Reads one word from left to right."""

    def __init__(self, word: str, variables: Mapping[str, str], style: Style) -> None:
        self._word = word
        self._variables = variables
        self._style = style
        self._at = 0
        self._depth = 0
        self._raw_escapes = False
        self._unset: set[str] = set()
        self._expanded = 0

    def whole(self) -> Expansion:
        text, words = self._until("")
        return Expansion(text, words, self._unset)

    def _peek(self) -> str:
        return self._word[self._at : self._at + 1]

    def _take(self) -> str:
        character = self._word[self._at : self._at + 1]
        self._at += 1
        return character

    def _until(self, stop: str, *, raw_escapes: bool = False) -> tuple[str, list[str]]:
        """Read up to the character `stop` and take it too; "" is the end of the word."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise reasons.nested_too_deeply(MAX_DEPTH)
        before, self._raw_escapes = self._raw_escapes, raw_escapes
        out: list[str] = []
        words = _Words()
        while character := self._peek():
            if character == stop:
                self._at += 1
                break
            if character == "$":
                value = self._dollar()
                words.add(value, raw=False)
            elif character in "'\"" and not self._style.plain_quotes:
                value = self._single_quoted() if character == "'" else self._double_quoted()
                words.add(value, raw=True)
            elif character == self._style.escape:
                self._at += 1
                value = (character if raw_escapes else "") + self._take()
                words.add(value, raw=True)
            else:
                self._at += 1
                value = character
                words.add(value, raw=False)
            out.append(value)
        else:
            if stop:
                raise reasons.open_quote(stop)
        self._raw_escapes = before
        self._depth -= 1
        return "".join(out), words.finish()

    def _single_quoted(self) -> str:
        end = self._word.find("'", self._at + 1)
        if end < 0:
            self._at = len(self._word)
            raise reasons.open_quote("single-quote")
        start, self._at = self._at, end + 1
        return self._word[start : end + 1] if self._style.raw_quotes else self._word[start + 1 : end]

    def _double_quoted(self) -> str:
        out = [self._take() if self._style.raw_quotes else self._take()[:0]]
        while character := self._peek():
            if character == "$":
                out.append(self._dollar())
                continue
            self._at += 1
            if character == '"':
                out.append(character if self._style.raw_quotes else "")
                return "".join(out)
            if character == self._style.escape:
                if self._raw_escapes:
                    out.append(character)
                following = self._peek()
                if not following:
                    break
                if following in ('"', "$", self._style.escape):
                    self._at += 1
                    character = following
            out.append(character)
        raise reasons.open_quote("double-quote")

    def _dollar(self) -> str:
        value = self._substituted()
        self._expanded += len(value)
        if self._expanded > MAX_EXPANDED:
            raise reasons.expands_too_far(MAX_EXPANDED)
        return value

    def _substituted(self) -> str:
        self._at += 1
        if self._peek() == "{":
            self._at += 1
            return self._braces()
        name = self._name()
        if not name:
            return "$"
        value = self._value(name)
        if value is None:
            return f"${name}" if self._style.keep_unset else ""
        return value

    def _braces(self) -> str:
        following = self._peek()
        if not following:
            raise reasons.missing_end("'}'")
        if following in "{}:":
            raise reasons.no_name()
        name = self._name()
        operator = self._take()
        if operator == "}":
            value = self._value(name)
            if value is None:
                return "${" + name + "}" if self._style.keep_unset else ""
            return value
        if operator == "/":
            return self._replace(name)
        colon = operator == ":"
        if colon:
            operator = self._take()
        shown = (":" if colon else "") + operator
        if (operator and operator in "+-?") or (operator and operator in "#%" and not colon):
            return self._modified(name, operator, shown, empty_is_unset=colon)
        if not operator:
            raise reasons.missing_end("'}'")
        raise reasons.unknown_modifier(shown)

    def _modified(self, name: str, operator: str, shown: str, *, empty_is_unset: bool) -> str:
        word = self._closing("}", raw_escapes=operator in "#%", missing="'}'")
        value = self._value(name)
        if value is None and self._style.keep_unset:
            return "${" + name + shown + word + "}"
        given = value is not None and not (empty_is_unset and not value)
        if operator == "-":
            return (value or "") if given else word
        if operator == "+":
            return word if given else ""
        if operator == "?":
            if not given:
                raise reasons.required_variable(name, word, empty=value is not None)
            return value or ""
        greedy = word.startswith(operator)
        pattern = word[1:] if greedy else word
        trim = _without_prefix if operator == "#" else _without_suffix
        return trim(value or "", pattern, greedy=greedy)

    def _replace(self, name: str) -> str:
        every = self._peek() == "/"
        if every:
            self._at += 1
        pattern = self._closing("/", raw_escapes=True, missing="'/' in ${}")
        replacement = self._closing("}", raw_escapes=True, missing="'}'")
        value = self._value(name)
        if value is None and self._style.keep_unset:
            return "${" + f"{name}/{pattern}/{replacement}" + "}"
        return _replaced(value or "", pattern, replacement, every=every)

    def _closing(self, stop: str, *, raw_escapes: bool, missing: str) -> str:
        try:
            return self._until(stop, raw_escapes=raw_escapes)[0]
        except WordError:
            if self._at >= len(self._word):
                raise reasons.missing_end(missing) from None
            raise

    def _name(self) -> str:
        start = self._at
        first = self._peek()
        if first.isdigit():
            while self._peek().isdigit():
                self._at += 1
        elif first and first in _SPECIAL:
            self._at += 1
        else:
            while (character := self._peek()) and (character.isalpha() or character.isdigit() or character == "_"):
                self._at += 1
        return self._word[start : self._at]

    def _value(self, name: str) -> str | None:
        value = self._variables.get(name)
        if value is None:
            self._unset.add(name)
        return value


def _regex(pattern: str, *, greedy: bool) -> re.Pattern[str]:
    """Return a shell pattern of `*` and `?` (no brackets) as a regular expression.

    What stands between two stars is taken where it comes first and never sought again: that loses no match, and many
    stars take no longer than one.
    """
    parts: list[str] = [""]
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "*":
            parts.append("")
        elif character == "?":
            parts[-1] += "."
        elif character == "\\":
            following = pattern[position : position + 1]
            if following and following in "}/":
                continue
            if not following or following not in "*?\\":
                raise reasons.bad_pattern(pattern, following)
            parts[-1] += re.escape(following)
            position += 1
        else:
            parts[-1] += re.escape(character)
    first, *middle = parts
    last = (".*" if greedy else ".*?") + middle.pop() if middle else ""
    return re.compile(first + "".join(f"(?>.*?{part})" for part in middle if part) + last)


def _check_length(value: str) -> None:
    if len(value) > MAX_MATCHED:
        raise reasons.value_too_long(len(value), MAX_MATCHED)


def _without_prefix(value: str, pattern: str, *, greedy: bool) -> str:
    _check_length(value)
    match = _regex(pattern, greedy=greedy).match(value)
    return value[match.end() :] if match else value


def _without_suffix(value: str, pattern: str, *, greedy: bool) -> str:
    _check_length(value)
    regex = _regex(pattern, greedy=True)
    starts = range(len(value) + 1) if greedy else range(len(value), -1, -1)
    start = next((start for start in starts if regex.fullmatch(value, start)), None)
    return value if start is None else value[:start]


def _replaced(value: str, pattern: str, replacement: str, *, every: bool) -> str:
    _check_length(value)
    out: list[str] = []
    done = size = 0
    for match in _regex(pattern, greedy=True).finditer(value):
        if match.start() == match.end() == done and out:
            continue  # an empty match right after a match does not count
        out += [value[done : match.start()], replacement]
        size += len(replacement)
        if size > MAX_EXPANDED:
            raise reasons.expands_too_far(MAX_EXPANDED)
        done = match.end()
        if not every:
            break
    return "".join([*out, value[done:]])
