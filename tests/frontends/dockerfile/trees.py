# SPDX-License-Identifier: Apache-2.0
"""Syntax trees made at random: every instruction, every flag, every form."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

from ladle.core.api.diagnostics import SourceText, Span
from ladle.frontends.dockerfile import ast
from ladle.frontends.dockerfile.ast import Command, Dockerfile, Flag, Instruction, Pair, Word
from ladle.frontends.dockerfile.flags import BOOLEAN, FLAGS, LIST
from ladle.frontends.dockerfile.heredocs import Heredoc, openings
from ladle.frontends.dockerfile.lines import Directive

NOWHERE = Span(SourceText("Dockerfile", ""), 0, 0)
_SECOND = 10**9

_LETTERS = "abzAZ019._/:@$-*?{}é\u2028"
_words = st.text(_LETTERS, min_size=1, max_size=6).filter(
    lambda text: not text.startswith("-") and text.strip() == text
)
_anything = st.text(st.characters(exclude_characters="\n"), max_size=8) | st.sampled_from(
    ['"', "\\", "`", "<<E", "--", "é "]
)
_texts = (
    st.text(_LETTERS + " \t#'=&|;", min_size=1, max_size=20)
    .map(str.strip)
    .filter(lambda text: text and not text.startswith(("[", "--")))
)
_names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True)
_bodies = st.lists(st.text(_LETTERS + ' \t#\\"\r', max_size=8), max_size=3)


def word(text: str) -> Word:
    """Return a word that stands nowhere."""
    return Word(text, NOWHERE)


def _spelled(keyword: str) -> st.SearchStrategy[str]:
    return st.sampled_from([keyword, keyword.lower(), keyword.title()])


@st.composite
def _heredocs(draw: st.DrawFn, escape: str, *, most: int = 2) -> list[Heredoc]:
    made = []
    names = draw(st.lists(st.from_regex(r"[A-Z][a-z.]{0,3}", fullmatch=True), min_size=1, max_size=most, unique=True))
    for name in names:
        spaced = draw(st.booleans())
        written = f'"{name} x"' if spaced else draw(st.sampled_from([name, f"'{name}'", f'"{name}"']))
        opening = f"{draw(st.sampled_from(['', '3']))}<<{draw(st.sampled_from(['', '-']))}{written}"
        (heredoc,) = openings(f"RUN {opening}", escape)
        lines = [line for line in draw(_bodies) if line.strip("\t\r") != heredoc.name]
        made.append(heredoc.closed("".join(f"{line}\n" for line in lines)))
    return made


@st.composite
def _flags(draw: st.DrawFn, keyword: str) -> tuple[Flag, ...]:
    flags: list[Flag] = []
    for name in draw(st.lists(st.sampled_from(sorted(FLAGS.get(keyword, {"": ""}))), max_size=3)):
        kind = FLAGS.get(keyword, {}).get(name)
        if kind is None or (kind != LIST and any(flag.name == name for flag in flags)):
            continue
        value = draw(st.sampled_from([None, "true", "False"]) if kind == BOOLEAN else _anything)
        flags.append(Flag(name, None if value is None else word(value), NOWHERE))
    return tuple(flags)


@st.composite
def _common(draw: st.DrawFn, keyword: str, *, flags: bool = True) -> dict[str, Any]:
    remarks = st.text(_LETTERS + " #=\\`", max_size=10).map(str.strip).filter(bool)
    return {
        "keyword": draw(_spelled(keyword)),
        "source": "",
        "span": NOWHERE,
        "lines": (1, 1),
        "comments": tuple(draw(st.lists(remarks | st.just("escape=`"), max_size=2))),
        "flags": draw(_flags(keyword)) if flags else (),
    }


_exec = st.lists(_anything, max_size=3).map(lambda texts: Command(tuple(map(word, texts)), shell=False))
_shell = _texts.map(lambda text: Command((word(text),), shell=True))


@st.composite
def _runs(draw: st.DrawFn, escape: str) -> Instruction:
    common = draw(_common("RUN"))
    form = draw(st.sampled_from(["shell", "exec", "script", "documents"]))
    if form == "shell":
        return ast.Run(**common, command=draw(_shell | st.just(Command((word(""),), shell=True))))
    if form == "exec":
        return ast.Run(**common, command=draw(_exec.filter(lambda command: bool(command.words))))
    heredocs = tuple(draw(_heredocs(escape, most=1 if form == "script" else 2)))
    common["heredocs"] = heredocs
    if form == "script":
        command = Command((word(heredocs[0].opening),), shell=True)
        return ast.Run(**common, command=command, script=heredocs[0])
    text = " ".join(["cat", *(heredoc.opening for heredoc in heredocs)])
    return ast.Run(**common, command=Command((word(text),), shell=True))


@st.composite
def _copies(draw: st.DrawFn, keyword: str, escape: str) -> Instruction:
    common = draw(_common(keyword))
    documents = tuple(draw(_heredocs(escape))) if draw(st.booleans()) else ()
    paths = _words if documents else _anything
    sources = draw(st.lists(paths, min_size=0 if documents else 1, max_size=3))
    return ast.Copy(
        **common,
        heredocs=documents,
        sources=tuple(map(word, sources)),
        dest=word(draw(paths)),
        documents=documents,
        add=keyword == "ADD",
    )


@st.composite
def _pairs(draw: st.DrawFn, keyword: str) -> Instruction:
    made = ast.Env if keyword == "ENV" else ast.Label
    if draw(st.booleans()):
        text = draw(_texts)
        pairs = [Pair(word(draw(_names)), word(text), legacy=True)]
    else:
        values = st.sampled_from(["", "x", "$y", "'a b'", '"c d"', "e\\f", "g=h", "${i:-j}"])
        pairs = [Pair(word(name), word(draw(values))) for name in draw(st.lists(_names, min_size=1, max_size=3))]
    return made(**draw(_common(keyword)), pairs=tuple(pairs))


@st.composite
def _args(draw: st.DrawFn) -> Instruction:
    values = st.sampled_from([None, "", "x", "'a b'", "$y", "${z:-'w v'}"])
    names = draw(st.lists(_names, min_size=1, max_size=3))
    pairs = tuple(
        Pair(word(name), None if value is None else word(value)) for name in names for value in [draw(values)]
    )
    return ast.Arg(**draw(_common("ARG", flags=False)), pairs=pairs)


@st.composite
def _froms(draw: st.DrawFn) -> Instruction:
    stage = draw(st.none() | st.from_regex(r"[a-zA-Z][a-z0-9\-_.]{0,4}", fullmatch=True))
    return ast.From(**draw(_common("FROM")), base=word(draw(_words)), stage=None if stage is None else word(stage))


@st.composite
def _healthchecks(draw: st.DrawFn) -> Instruction:
    common = draw(_common("HEALTHCHECK", flags=False))
    if draw(st.booleans()):
        return ast.Healthcheck(**common)
    seconds = draw(
        st.dictionaries(
            st.sampled_from(["interval", "timeout", "start-period", "start-interval", "retries"]), st.integers(0, 99)
        )
    )
    flags: list[Flag] = []
    values: dict[str, Any] = {}
    for name, number in seconds.items():
        flags.append(Flag(name, word(str(number) if name == "retries" else f"{number}s"), NOWHERE))
        values[name.replace("-", "_")] = number if name == "retries" else number * _SECOND
    command = draw(_shell | _exec.filter(lambda command: bool(command.words)))
    return ast.Healthcheck(**{**common, "flags": tuple(flags)}, command=command, **values)


@st.composite
def _onbuilds(draw: st.DrawFn, escape: str) -> Instruction:
    common = draw(_common("ONBUILD"))
    if draw(st.booleans()):
        return ast.Onbuild(**common, trigger=word(f"{draw(_spelled('ENV'))} {draw(_texts)}"))
    heredocs = tuple(draw(_heredocs(escape)))
    text = " ".join(["COPY", *(heredoc.opening for heredoc in heredocs), "/x"])
    return ast.Onbuild(**{**common, "heredocs": heredocs}, trigger=word(text))


@st.composite
def _single(draw: st.DrawFn, keyword: str) -> Instruction:
    kinds: dict[str, tuple[Any, str]] = {
        "WORKDIR": (ast.Workdir, "path"),
        "USER": (ast.User, "user"),
        "STOPSIGNAL": (ast.Stopsignal, "signal"),
        "MAINTAINER": (ast.Maintainer, "author"),
    }
    kind, name = kinds[keyword]
    made: Instruction = kind(**draw(_common(keyword, flags=False)), **{name: word(draw(_texts))})
    return made


@st.composite
def _list(draw: st.DrawFn, keyword: str) -> Instruction:
    common = draw(_common(keyword))
    if keyword == "CMD":
        return ast.Cmd(**common, command=draw(_shell | _exec))
    if keyword == "ENTRYPOINT":
        return ast.Entrypoint(**common, command=draw(_shell | _exec))
    texts = {"SHELL": _anything, "VOLUME": _anything.map(str.strip).filter(bool), "EXPOSE": _words}[keyword]
    words = tuple(map(word, draw(st.lists(texts, min_size=1, max_size=3))))
    kind: Any = {"SHELL": ast.Shell, "VOLUME": ast.Volume, "EXPOSE": ast.Expose}[keyword]
    made: Instruction = kind(**common, words=words)
    return made


def instructions(escape: str) -> st.SearchStrategy[Instruction]:
    """Return a maker of instructions of a stage."""
    return st.one_of(
        _runs(escape),
        _copies("COPY", escape),
        _copies("ADD", escape),
        _pairs("ENV"),
        _pairs("LABEL"),
        _args(),
        _froms(),
        _healthchecks(),
        _onbuilds(escape),
        *map(_single, ["WORKDIR", "USER", "STOPSIGNAL", "MAINTAINER"]),
        *map(_list, ["CMD", "ENTRYPOINT", "SHELL", "VOLUME", "EXPOSE"]),
    )


@st.composite
def files(draw: st.DrawFn) -> Dockerfile:
    """Return a tree that a file can have."""
    directives = []
    for name in draw(st.lists(st.sampled_from(["syntax", "escape", "check"]), unique=True)):
        value = draw(st.sampled_from("\\`") if name == "escape" else st.from_regex(r"[a-z;=./]{1,8}", fullmatch=True))
        directives.append(Directive(name, value, NOWHERE))
    escape = next((each.value for each in directives if each.name == "escape"), "\\")
    first = draw(st.lists(_args(), max_size=1))
    rest = draw(st.lists(instructions(escape).filter(_stands_alone), max_size=6))
    return Dockerfile(NOWHERE.source, escape, tuple(directives), (*first, draw(_froms()), *rest))


def _stands_alone(node: Instruction) -> bool:
    """Say whether what a text says is no other form: a backquote or backslash at its end would continue the line."""
    return not re.search(r"[\\`]\Z", getattr(node, "text", ""))
