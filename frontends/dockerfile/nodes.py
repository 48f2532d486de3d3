# SPDX-License-Identifier: Apache-2.0
"""One grammar tree to one typed instruction, with the checks that a grammar cannot express."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError
from ladle.frontends.dockerfile import ast, errors, reasons
from ladle.frontends.dockerfile.ast import Command, Pair, Word
from ladle.frontends.dockerfile.flags import split_flags
from ladle.frontends.dockerfile.gotext import parse_duration
from ladle.frontends.dockerfile.heredocs import Heredoc
from ladle.frontends.dockerfile.lines import LogicalLine

if TYPE_CHECKING:
    from lark import Token

_STAGE_NAME = re.compile(r"[a-z][a-z0-9\-_.]*")
_SPACES = re.compile(r"[\t\v\f\r ]+")
_SHORTEST = 1_000_000


class Parts:
    """A logical line with the tokens that the grammar found in it."""

    def __init__(self, line: LogicalLine, keyword: str, children: list[Any], escape: str) -> None:
        self.line = line
        self.keyword = keyword
        self.escape = escape
        tokens: list[Token] = [child for child in children if child is not None]
        token = tokens.pop(0) if tokens and tokens[0].type == "FLAGS" else None
        self.tokens = tokens
        self.flags: list[ast.Flag] = []
        self.wrong: list[Diagnostic] = []
        if token is not None and token.start_pos is not None:
            self.flags, self.wrong = split_flags(line, self.name, token.start_pos, str(token), escape)

    @property
    def name(self) -> str:
        """The keyword in upper case."""
        return self.keyword.upper()

    def common(self) -> dict[str, Any]:
        """Return the fields that every instruction has; raises what was wrong with the flags."""
        if self.wrong:
            raise DiagnosticError(self.wrong)
        line = self.line
        return {
            "keyword": self.keyword,
            "source": line.text,
            "span": line.whole,
            "lines": (line.first, line.last),
            "flags": tuple(self.flags),
            "comments": line.comments,
            "empty_continuations": line.empty_continuations,
            "heredocs": line.heredocs,
        }

    def word(self, token: Token) -> Word:
        """Return a token as a word with its place."""
        start = token.start_pos or 0
        return Word(str(token), self.line.span(start, start + len(token)))

    def words(self) -> tuple[Word, ...]:
        """Return the arguments: the strings of the JSON form, or the words."""
        if self.tokens and self.tokens[0].type == "JSON":
            return self._json(self.tokens[0])
        if self.tokens and self.tokens[0].startswith("["):
            self._no_other_json(self.tokens[0])
        return tuple(self.word(token) for token in self.tokens)

    def paths(self) -> list[tuple[Word, Heredoc | None]]:
        """Return the arguments, each with the here-document that it opens; such a word may have quoted blanks."""
        if not self.line.heredocs:
            return [(word, None) for word in self.words()]
        opened = {heredoc.start: heredoc for heredoc in self.line.heredocs}
        paths: list[tuple[Word, Heredoc | None]] = []
        end = 0
        for token in self.tokens:
            start = token.start_pos or 0
            if start < end:
                continue
            heredoc = opened.get(start)
            if heredoc is None:
                paths.append((self.word(token), None))
            else:
                end = heredoc.end
                paths.append((Word(heredoc.opening, self.line.span(start, end)), heredoc))
        return paths

    def command(self) -> Command:
        """Return the exec form or the shell form; nothing at all is an empty text for the shell."""
        token = next((token for token in self.tokens if token.type in ("JSON", "TEXT")), None)
        if token is None:
            end = len(self.line.text)
            return Command((Word("", self.line.span(end, end)),), shell=True)
        if token.type == "JSON":
            return Command(self._json(token), shell=False)
        self._no_other_json(token)
        return Command((self.word(token),), shell=True)

    def is_all_of(self, command: Command, heredoc: Heredoc) -> bool:
        """Say whether a command is nothing but the word that opens a here-document."""
        return command.shell and command.words[0].text == heredoc.opening

    def check_bodies(self) -> None:
        """Refuse here-documents that are not UTF-8 where they become part of a command."""
        for heredoc in self.line.heredocs:
            if not heredoc.body.isascii() and any("\ud800" <= character <= "\udfff" for character in heredoc.body):
                self.fail(errors.not_utf8(self.line.span(heredoc.start, heredoc.end)))

    def _json(self, token: Token) -> tuple[Word, ...]:
        start = token.start_pos or 0
        places = [match.span() for match in re.finditer(r'"(?:[^"\\]|\\.)*"', token)]
        values = json.loads(token)
        return tuple(
            Word(value, self.line.span(start + first, start + last))
            for value, (first, last) in zip(values, places, strict=True)
        )

    def _no_other_json(self, token: Token) -> None:
        """Refuse a JSON array that holds something else than strings; what is no JSON at all is text."""
        start = token.start_pos or 0
        if not token.startswith("["):
            return
        try:
            value = json.loads(self.line.text[start:])
        except (ValueError, RecursionError):
            return
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            self.fail(errors.json_not_strings(self.line.span(start, len(self.line.text))))

    def fail(self, diagnostic: Diagnostic) -> NoReturn:
        """Raise one mistake, after those of the flags."""
        raise DiagnosticError([*self.wrong, diagnostic])


def is_stage_name(text: str) -> bool:
    """Say whether a stage may be called so, in any case."""
    return _STAGE_NAME.fullmatch(text.lower()) is not None


def _from(parts: Parts) -> ast.From:
    words = [parts.word(token) for token in parts.tokens]
    stage = words[1] if len(words) > 1 else None
    if stage is not None and not is_stage_name(stage.text):
        parts.fail(errors.stage_name(stage.text, stage.span))
    return ast.From(**parts.common(), base=words[0], stage=stage)


def _arg(parts: Parts) -> ast.Arg:
    pairs = []
    for token in parts.tokens:
        whole = parts.word(token)
        if whole.text.startswith("="):
            parts.fail(errors.blank_name("ARG", whole.span))
        pairs.append(_pair(parts, token))
    return ast.Arg(**parts.common(), pairs=tuple(pairs))


def _pair(parts: Parts, token: Token) -> Pair:
    start = token.start_pos or 0
    name, equals, value = str(token).partition("=")
    at = start + len(name)
    key = Word(name, parts.line.span(start, at))
    return Pair(key, Word(value, parts.line.span(at + 1, at + 1 + len(value))) if equals else None)


def _pairs(parts: Parts) -> tuple[Pair, ...]:
    if parts.tokens[0].type == "NAME":
        name, value = parts.tokens
        return (Pair(parts.word(name), parts.word(value), legacy=True),)
    return tuple(_pair(parts, token) for token in parts.tokens)


def _env(parts: Parts) -> ast.Env:
    return ast.Env(**parts.common(), pairs=_pairs(parts))


def _label(parts: Parts) -> ast.Label:
    return ast.Label(**parts.common(), pairs=_pairs(parts))


def _run(parts: Parts) -> ast.Run:
    command = parts.command()
    if not command.words:
        parts.fail(errors.empty_command("RUN", parts.line.whole))
    parts.check_bodies()
    script = next((heredoc for heredoc in parts.line.heredocs if parts.is_all_of(command, heredoc)), None)
    return ast.Run(**parts.common(), command=command, script=script)


def _cmd(parts: Parts) -> ast.Cmd:
    return ast.Cmd(command=parts.command(), **parts.common())


def _entrypoint(parts: Parts) -> ast.Entrypoint:
    return ast.Entrypoint(command=parts.command(), **parts.common())


def _shell(parts: Parts) -> ast.Shell:
    words = parts.words()
    if not words:
        parts.fail(errors.at_least_one_argument("SHELL", parts.line.whole))
    return ast.Shell(**parts.common(), words=words)


def _healthcheck(parts: Parts) -> ast.Healthcheck:
    if parts.tokens[0].type == "NONE":
        parts.flags, parts.wrong = [], []
        return ast.Healthcheck(**parts.common())
    command = parts.command()
    if not command.words or (command.shell and not command.words[0].text):
        parts.fail(errors.healthcheck_no_command(parts.line.whole))
    values: dict[str, Any] = {
        flag.name.replace("-", "_"): _health_value(parts, flag.name, flag.value)
        for flag in parts.flags
        if flag.value is not None and flag.value.text
    }
    return ast.Healthcheck(**parts.common(), command=command, **values)


def _health_value(parts: Parts, name: str, value: Word) -> int:
    text = value.text
    if name == "retries":
        if not re.fullmatch(r"[+-]?\d{1,10}", text, re.ASCII) or abs(int(text)) >= 2**31:
            parts.fail(reasons.retries_no_number(text).at(value.span))
        if int(text) < 0:
            parts.fail(reasons.retries_negative(int(text)).at(value.span))
        return int(text)
    try:
        nanoseconds = parse_duration(text)
    except ValueError as error:
        parts.fail(reasons.bad_duration(str(error)).at(value.span))
    if nanoseconds != 0 and nanoseconds < _SHORTEST:
        parts.fail(reasons.short_interval(name).at(value.span))
    return nanoseconds


def _copy(parts: Parts) -> ast.Copy:
    paths = parts.paths()
    if len(paths) < 2:
        parts.fail(errors.no_destination(parts.name, parts.line.whole))
    dest, document = paths[-1]
    if document is not None:
        parts.fail(errors.heredoc_destination(parts.name, dest.span))
    return ast.Copy(
        **parts.common(),
        sources=tuple(word for word, document in paths[:-1] if document is None),
        dest=dest,
        documents=tuple(document for _, document in paths if document is not None),
        add=parts.name == "ADD",
    )


def _volume(parts: Parts) -> ast.Volume:
    words = parts.words()
    if not words:
        parts.fail(errors.at_least_one_argument("VOLUME", parts.line.whole))
    for word in words:
        if not word.text.strip():
            parts.fail(errors.empty_volume(word.span))
    return ast.Volume(**parts.common(), words=tuple(Word(word.text.strip(), word.span) for word in words))


def _expose(parts: Parts) -> ast.Expose:
    return ast.Expose(**parts.common(), words=tuple(parts.word(token) for token in parts.tokens))


def _workdir(parts: Parts) -> ast.Workdir:
    return ast.Workdir(**parts.common(), path=parts.word(parts.tokens[0]))


def _user(parts: Parts) -> ast.User:
    return ast.User(**parts.common(), user=parts.word(parts.tokens[0]))


def _stopsignal(parts: Parts) -> ast.Stopsignal:
    return ast.Stopsignal(**parts.common(), signal=parts.word(parts.tokens[0]))


def _maintainer(parts: Parts) -> ast.Maintainer:
    return ast.Maintainer(**parts.common(), author=parts.word(parts.tokens[0]))


def _onbuild(parts: Parts) -> ast.Onbuild:
    trigger = parts.word(parts.tokens[0])
    name = _SPACES.split(trigger.text, maxsplit=1)[0].upper()
    here = parts.line.span(parts.tokens[0].start_pos or 0, (parts.tokens[0].start_pos or 0) + len(name))
    if name == "ONBUILD":
        parts.fail(errors.onbuild_chain(here))
    if name in ("FROM", "MAINTAINER", "INCLUDE", "IMPORT"):
        parts.fail(errors.onbuild_trigger(name, here))
    parts.check_bodies()
    return ast.Onbuild(**parts.common(), trigger=trigger)


def _include(parts: Parts) -> ast.Include:
    return ast.Include(**parts.common(), path=parts.word(parts.tokens[0]))


def _import(parts: Parts) -> ast.Import:
    words = [parts.word(token) for token in parts.tokens]
    return ast.Import(**parts.common(), path=words[0], alias=words[1] if len(words) > 1 else None)


BUILDERS: dict[str, Callable[[Parts], ast.Instruction]] = {
    "ADD": _copy,
    "ARG": _arg,
    "CMD": _cmd,
    "COPY": _copy,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "FROM": _from,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "MAINTAINER": _maintainer,
    "ONBUILD": _onbuild,
    "RUN": _run,
    "SHELL": _shell,
    "STOPSIGNAL": _stopsignal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
"""The instructions of the language, each with what makes it of its grammar tree."""

LABS: dict[str, Callable[[Parts], ast.Instruction]] = {"IMPORT": _import, "INCLUDE": _include}
"""Those of the labs language."""
