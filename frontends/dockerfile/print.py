# SPDX-License-Identifier: Apache-2.0
"""Syntax tree to text: one way to write each tree, so that `parse(print_file(tree)) == tree`.

One line an instruction, remarks right above it, here-documents below. Words stand as they were written; where a word
cannot stand alone (a blank in it, `<<`), the JSON form is taken. Flags' values are put in quotes where they have to be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import singledispatch
from itertools import chain

from ladle.frontends.dockerfile import ast
from ladle.frontends.dockerfile.ast import Command, Dockerfile, Flag, Instruction, Pair, Word
from ladle.frontends.dockerfile.heredocs import Heredoc
from ladle.frontends.dockerfile.lines import MAX_LINE

_ALONE = re.compile(r"\S+")
_PLAIN_VALUE = re.compile(r"[^\s\"'\\`]*")
_NO_CONTINUATION = "\v"
"""A blank that is dropped at the end of a line, and behind which an escape character does not continue the line."""
_LONGEST = MAX_LINE // 4 - 4
"""Characters of one line of ours: each is at most four bytes."""


def print_file(file: Dockerfile) -> str:
    """Return the text of a file."""
    texts = tuple(f"{directive.name}={directive.value}" for directive in file.directives)
    first, *rest = file.instructions
    remarks = first.comments[len(texts) :]
    apart = first.comments[: len(texts)] != texts or bool(remarks and "=" in remarks[0])
    top = "".join(f"# {text}\n" for text in texts)
    if apart:
        top += "\n"  # a remark right below could be taken for a directive
    else:
        first = replace(first, comments=remarks)  # directives right above an instruction are remarks of it, too
    return top + "".join(print_instruction(node, file.escape) for node in (first, *rest))


def print_instruction(node: Instruction, escape: str = "\\") -> str:
    """Return the lines of one instruction: its remarks, itself, its here-documents."""
    comments = "".join(f"# {comment}\n" for comment in node.comments)
    rest = _arguments(node)
    flags = "".join(f" {_flag(flag, escape)}" for flag in node.flags)
    if rest.startswith("--") or rest[:1].isspace():
        flags += " --"
    line = f"{node.keyword}{flags}{' ' if rest else ''}{rest}"
    return f"{comments}{_wrapped(line, escape)}\n{''.join(_document(each) for each in node.heredocs)}"


def _flag(flag: Flag, escape: str) -> str:
    if flag.value is None:
        return f"--{flag.name}"
    text = flag.value.text
    if not _PLAIN_VALUE.fullmatch(text):
        quoted = text.replace(escape, escape * 2).replace('"', escape + '"')
        text = f'"{quoted}"'
    return f"--{flag.name}={text}"


def _document(heredoc: Heredoc) -> str:
    """Return a body and its end. A line break takes a carriage return with it: one that is meant is written twice."""
    return f"{heredoc.body}{heredoc.name}\n".replace("\r\n", "\r\r\n")


def _wrapped(line: str, escape: str) -> str:
    """Return a logical line as lines of the file: most are one, what is longer than a line may be is continued."""
    parts = []
    while len(line) > _LONGEST:
        places = chain(range(_LONGEST, 0, -1), range(_LONGEST, len(line)))
        end = next((at for at in places if _may_break(line, at, escape)), 0)
        if not end:
            break
        parts.append(line[:end] + escape)
        line = line[end:]
    if line.endswith(escape) and not line.endswith(escape * 2):
        line += _NO_CONTINUATION
    return "\n".join([*parts, line])


def _may_break(line: str, at: int, escape: str) -> bool:
    return line[at - 1] != escape and line[at] != "#" and not line[at].isspace()


@singledispatch
def _arguments(node: Instruction) -> str:
    raise TypeError(f"no instruction: {type(node).__name__}")


@_arguments.register
def _(node: ast.From) -> str:
    return node.base.text + (f" AS {node.stage.text}" if node.stage else "")


@_arguments.register
def _(node: ast.Include) -> str:
    return node.path.text


@_arguments.register
def _(node: ast.Import) -> str:
    return node.path.text + (f" AS {node.alias.text}" if node.alias else "")


@_arguments.register(ast.Arg)
@_arguments.register(ast.Env)
@_arguments.register(ast.Label)
def _(node: ast.Arg | ast.Env | ast.Label) -> str:
    return " ".join(map(_pair, node.pairs))


@_arguments.register(ast.Run)
@_arguments.register(ast.Cmd)
@_arguments.register(ast.Entrypoint)
def _(node: ast.Run | ast.Cmd | ast.Entrypoint) -> str:
    return _command(node.command)


@_arguments.register
def _(node: ast.Shell) -> str:
    return _json(node.words)


@_arguments.register
def _(node: ast.Healthcheck) -> str:
    return f"CMD {_command(node.command)}" if node.command else "NONE"


@_arguments.register
def _(node: ast.Copy) -> str:
    if not node.documents:
        return _paths((*node.sources, node.dest))
    documents = (heredoc.opening for heredoc in node.documents)
    return " ".join([*(word.text for word in node.sources), *documents, node.dest.text])


@_arguments.register
def _(node: ast.Volume) -> str:
    return _paths(node.words)


@_arguments.register
def _(node: ast.Expose) -> str:
    return " ".join(word.text for word in node.words)


@_arguments.register
def _(node: ast.Workdir) -> str:
    return node.path.text


@_arguments.register
def _(node: ast.User) -> str:
    return node.user.text


@_arguments.register
def _(node: ast.Stopsignal) -> str:
    return node.signal.text


@_arguments.register
def _(node: ast.Maintainer) -> str:
    return node.author.text


@_arguments.register
def _(node: ast.Onbuild) -> str:
    return node.trigger.text


def _command(command: Command) -> str:
    return command.words[0].text if command.shell else _json(command.words)


def _pair(pair: Pair) -> str:
    if pair.value is None:
        return pair.name.text
    return f"{pair.name.text}{' ' if pair.legacy else '='}{pair.value.text}"


def _paths(words: Iterable[Word]) -> str:
    texts = [word.text for word in words]
    alone = all(_ALONE.fullmatch(text) and "<<" not in text for text in texts) and texts[0][0] != "["
    return " ".join(texts) if alone else json.dumps(texts)


def _json(words: Iterable[Word]) -> str:
    return json.dumps([word.text for word in words])


@_arguments.register
def _include(node: ast.Include) -> str:
    return node.path.text


@_arguments.register
def _import(node: ast.Import) -> str:
    return node.path.text if node.alias is None else f"{node.path.text} AS {node.alias.text}"
