# SPDX-License-Identifier: Apache-2.0
"""Docker's path patterns: `.dockerignore` rules, include and exclude lists, and the wildcards of COPY.

Pure and light (only `posixpath` at import time): a cached build matches its ignore rules with it.

Rules are in order and the last one that matches a path, or any directory above it, decides. A walk
keeps for each directory the index of that rule (`Matcher.step`), so a path costs one look at its own name.
"""

from __future__ import annotations

import posixpath

TYPE_CHECKING = False  # not from typing: importing that takes longer than a small scan
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_RULES = 100_000
"""Rules of an ignore file."""
_META = frozenset("*?[")
_ONE = "[^/]"
_STAR = "[^/]*"
_PARTS = "(?:.*/)?"
_REGEX_SPECIAL = frozenset("\\.^$*+?{}[]|()-&~# \t\n\r\v\f")
_globs: dict[str, Callable[[str], object]] = {}


class PatternError(ValueError):
    """A pattern that cannot be read: `position` is the offset in `pattern`, `line` its line in the file (0: none)."""

    def __init__(self, reason: str, pattern: str, position: int, line: int = 0) -> None:
        where = f"line {line}: " if line else ""
        super().__init__(f"{where}invalid pattern {pattern!r}: {reason} at position {position}")
        self.reason = reason
        self.pattern = pattern
        self.position = position
        self.line = line


class Rule:
    """One rule: a cleaned pattern, whether it negates (`!`), and the line it stands on (0: not from a file)."""

    __slots__ = ("line", "negated", "pattern")

    def __init__(self, pattern: str, line: int = 0, negated: bool = False) -> None:
        self.pattern = pattern
        self.line = line
        self.negated = negated

    def __str__(self) -> str:
        return ("!" if self.negated else "") + self.pattern

    def __repr__(self) -> str:
        return f"Rule({self.pattern!r}, line={self.line}, negated={self.negated})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rule):
            return NotImplemented
        return (self.pattern, self.line, self.negated) == (other.pattern, other.line, other.negated)

    def __hash__(self) -> int:
        return hash((self.pattern, self.line, self.negated))


def clean(path: str) -> str:
    """Go's `path.Clean`: no `.`, no inner `..`, no doubled or trailing slash; empty becomes `.`."""
    result = posixpath.normpath(path)
    return result[1:] if result.startswith("//") else result


def parse_ignore(text: str) -> list[Rule]:
    """The rules of a `.dockerignore` file: comments only at column 0, trimmed, cleaned, leading `/` dropped."""
    rules: list[Rule] = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        pattern = line.strip()
        if line.startswith("#") or not pattern:
            continue
        negated = pattern.startswith("!")
        if negated:
            pattern = pattern[1:].strip()
            if not pattern:
                raise PatternError("nothing follows the `!`", "!", 1, number)
        pattern = clean(pattern)
        if len(pattern) > 1 and pattern.startswith("/"):
            pattern = pattern[1:]
        check(pattern, number)
        if len(rules) >= MAX_RULES:
            raise PatternError(
                f"it is one more than the {MAX_RULES:,} rules that an ignore file may have", pattern, 0, number
            )
        rules.append(Rule(pattern, number, negated))
    return rules


def rule(pattern: str) -> Rule | None:
    """The rule of one item of an include or exclude list; None for an empty one."""
    text = pattern.strip()
    if not text:
        return None
    text = clean(text)
    negated = text.startswith("!")
    if negated:
        text = text[1:]
        if not text:
            raise PatternError("nothing follows the `!`", "!", 1)
    check(text)
    return Rule(text, 0, negated)


def check(pattern: str, line: int = 0) -> None:
    """Raise `PatternError` unless Go's `filepath.Match` would take this pattern."""
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            if at + 1 == len(pattern):
                raise PatternError("nothing follows the `\\`", pattern, at, line)
            at += 2
        elif char == "[":
            at = _class(pattern, at, line)[1]
        else:
            at += 1


def has_wildcard(pattern: str) -> bool:
    """Whether `pattern` has an unescaped `*`, `?` or `[`."""
    at = 0
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 2
            continue
        if pattern[at] in _META:
            return True
        at += 1
    return False


def glob_match(pattern: str, path: str) -> bool:
    """Go's `filepath.Match`: `*` and `?` stop at `/`, `[a-z]` and `[^a]` classes, `\\` escapes; the whole path."""
    found = _globs.get(pattern)
    if found is None:
        if len(_globs) > 500:
            _globs.clear()
        found = _globs[pattern] = _regex(_translate(pattern, double_star=False))
    return found(path) is not None


class Matcher:
    """An ordered list of rules, asked about slash-separated relative paths."""

    def __init__(self, rules: Iterable[Rule | str]) -> None:
        made = [rule(item) if isinstance(item, str) else item for item in rules]
        self.rules = tuple(item for item in made if item is not None)
        self._exact: dict[str, int] = {}
        self._names: dict[str, int] = {}
        self._others: list[tuple[int, str]] = []
        for index, item in enumerate(self.rules):
            self._sort_in(index, item.pattern, item.line)
        self._any = _regex("|".join(f"(?:{text})" for _, text in self._others)) if self._others else None
        self._single: dict[int, Callable[[str], object]] = {}
        self._reach: list[tuple[list[str], bool]] | None = None

    def _sort_in(self, index: int, pattern: str, line: int) -> None:
        if not has_wildcard(pattern) and "\\" not in pattern:
            self._exact[pattern] = index
            return
        check(pattern, line)
        name = pattern[3:]
        if pattern.startswith("**/") and "/" not in name and not has_wildcard(name) and "\\" not in name:
            self._names[name] = index
            return
        self._others.append((index, _translate(pattern, double_star=True)))

    def step(self, path: str, above: int = -1) -> int:
        """The index of the last rule that matches `path` or what is above it (`above`: its parent's step)."""
        last = max(above, self._exact.get(path, -1))
        if self._names:
            last = max(last, self._names.get(path[path.rfind("/") + 1 :], -1))
        if self._any is not None and self._any(path) is not None:
            for index, text in reversed(self._others):
                if index <= last:
                    break
                single = self._single.get(index)
                if single is None:
                    single = self._single[index] = _regex(text)
                if single(path) is not None:
                    return index
        return last

    def verdict(self, step: int) -> Rule | None:
        """The rule that matches, given a step; None if none does or the last one is a negation."""
        if step < 0 or self.rules[step].negated:
            return None
        return self.rules[step]

    def matches(self, path: str) -> Rule | None:
        """The rule by which `path` is matched, looking at all its parents; None if it is not."""
        step = -1
        at = path.find("/")
        while at > 0:
            step = self.step(path[:at], step)
            at = path.find("/", at + 1)
        return self.verdict(self.step(path, step))

    def could_change_below(self, directory: str, step: int) -> bool:
        """Whether anything below `directory`, whose step this is, could be judged otherwise than it."""
        if self._reach is None:
            self._reach = [_components(item.pattern) for item in self.rules]
        matched = self.verdict(step) is not None
        names = directory.split("/")
        for index in range(step + 1, len(self.rules)):
            if self.rules[index].negated == matched and _reaches_below(*self._reach[index], names):
                return True
        return False

    def could_reinclude_below(self, directory: str, step: int | None = None) -> bool:
        """Whether a later `!` rule could bring back something below an excluded `directory`."""
        if step is None:
            step = -1
            at = directory.find("/")
            while at > 0:
                step = self.step(directory[:at], step)
                at = directory.find("/", at + 1)
            step = self.step(directory, step)
        return self.could_change_below(directory, step)


def _components(pattern: str) -> tuple[list[str], bool]:
    """The parts of a pattern that each match one path part, and whether the rest may match any number."""
    parts: list[str] = []
    for part in pattern.split("/"):
        if "**" in part or "[" in part:  # a class may hold or match a slash: don't reason about it
            return parts, True
        parts.append(part)
    return parts, False


def _reaches_below(parts: list[str], is_open: bool, names: list[str]) -> bool:
    if not is_open and len(parts) <= len(names):
        return False
    return all(
        part == name or (("*" in part or "?" in part or "\\" in part) and glob_match(part, name))
        for part, name in zip(parts, names, strict=False)
    )


def _regex(text: str) -> Callable[[str], object]:
    import re  # not at import time: most builds have only plain patterns

    return re.compile(text, re.DOTALL).fullmatch


def _quote(char: str) -> str:
    return "\\" + char if char in _REGEX_SPECIAL else char


def _translate(pattern: str, *, double_star: bool) -> str:
    """A regular expression for the whole path. With `double_star`, `**` is any number of parts."""
    out = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            if double_star and pattern.startswith("*", at):
                at += 1
                if pattern.startswith("/", at):
                    at += 1
                if at == len(pattern):
                    out.append(".*")
                elif at == 2 and not has_wildcard(pattern[2:]) and "\\" not in pattern:
                    out.append(".*")  # `**name`: Docker takes it for "ends with name"
                else:
                    out.append(_PARTS)
            else:
                out.append(_STAR)
        elif char == "?":
            out.append(_ONE)
        elif char == "[":
            text, at = _class(pattern, at - 1, 0)
            out.append(text)
        elif char == "\\":
            if at == len(pattern):
                raise PatternError("nothing follows the `\\`", pattern, at - 1)
            out.append(_quote(pattern[at]))
            at += 1
        else:
            out.append(_quote(char))
    return _settled(out)


def _settled(out: list[str]) -> str:
    """Join the parts, each stretch between two wildcards taken where it comes first and never sought again.

    That loses no match: a later wildcard reaches whatever an earlier choice would have left. Without it the time grows
    as a power of the number of wildcards. A class may match a slash, so stretches with one are left alone.
    """
    for wildcard, lazy, ends in ((_STAR, "[^/]*?", (_STAR,)), (_PARTS, "(?:.*?/)??", (_PARTS,))):
        joined: list[str] = []
        at = 0
        while at < len(out):
            end = at + 1
            if out[at] == wildcard:
                while end < len(out) and out[end] not in (*ends, _PARTS) and not _may_hold_slash(out[end]):
                    if wildcard == _STAR and out[end] == "/":
                        break
                    end += 1
                follows = end < len(out) and out[end] in ends
                if follows and end > at + 1 and (wildcard == _STAR or out[end - 1] == "/"):
                    joined.append(f"(?>{lazy}{''.join(out[at + 1 : end])})")
                    at = end
                    continue
                end = at + 1
            joined.append(out[at])
            at = end
        out = joined
    return "".join(out)


def _may_hold_slash(part: str) -> bool:
    return part[:1] in "[." and part not in (_STAR, _ONE)


def _class(pattern: str, start: int, line: int) -> tuple[str, int]:
    """The regular expression of the class that opens at `start`, and the offset after it."""
    at = start + 1
    negated = pattern.startswith("^", at)
    if negated:
        at += 1
    ranges: list[str] = []
    while True:
        if at >= len(pattern):
            raise PatternError("the `[` has no `]`", pattern, start, line)
        if pattern[at] == "]" and ranges:
            break
        low, at = _class_char(pattern, at, start, line)
        high = low
        if pattern.startswith("-", at):
            high, at = _class_char(pattern, at + 1, start, line)
        if low <= high:
            ranges.append(f"{_quote(low)}-{_quote(high)}")
        else:
            ranges.append("")
    body = "".join(ranges)
    if not body:
        return ("." if negated else "(?!)"), at + 1
    return f"[{'^' if negated else ''}{body}]", at + 1


def _class_char(pattern: str, at: int, start: int, line: int) -> tuple[str, int]:
    if at >= len(pattern):
        raise PatternError("the `[` has no `]`", pattern, start, line)
    char = pattern[at]
    if char in "-]":
        raise PatternError(f"`{char}` cannot stand here in a class", pattern, at, line)
    if char == "\\":
        at += 1
        if at >= len(pattern):
            raise PatternError("the `[` has no `]`", pattern, start, line)
        char = pattern[at]
    return char, at + 1
