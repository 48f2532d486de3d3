# SPDX-License-Identifier: Apache-2.0
"""What a rule is, what it may look at, and what it finds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import Severity, Span
from ladle.frontends.dockerfile.ast import Arg, Copy, Dockerfile, From, Instruction, Run, Word
from ladle.frontends.dockerfile.facts import Facts
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.frontends.dockerfile.stages import Stage
    from ladle.frontends.dockerfile.words import Style

_REMOTE = re.compile(r"(?:https?|git|ssh)://|[\w.-]+@[\w.-]+:", re.ASCII)


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `text` in the place of a stretch of the file."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule has to say about an instruction. `edits` mend it without a change of what is built that matters."""

    message: str
    node: Instruction
    span: Span
    lines: tuple[int, int]
    label: str = ""
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What rules may look at: the tree, the stages, and what lowering learnt. Nothing of it may be changed."""

    file: Dockerfile
    style: Style
    stages: tuple[Stage, ...] = ()
    """All stages."""
    reached: tuple[Stage, ...] = ()
    """The stages that are built: all of them where a file is only looked at."""
    facts: Facts = field(default_factory=Facts)
    values: Mapping[str, str] = field(default_factory=dict)
    """What FROM lines see."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """What FROM lines would see if no build argument were given."""
    declared: tuple[str, ...] = ()
    """The ARGs before the first FROM."""
    with_shell: frozenset[int] = frozenset()
    """The stages that begin with a SHELL of their base, by index."""
    ignored: tuple[str, ...] = ()
    """The patterns of the context's ignore file."""
    read: Callable[[str], bytes | None] = field(default=lambda _: None)
    """Reads a file of the build context."""

    def froms(self) -> Iterator[From]:
        """Yield the FROM lines."""
        return (node for node in self.file.instructions if isinstance(node, From))

    def nodes(self, stage: Stage) -> list[Instruction]:
        """Return the instructions of a stage; those that its base brings along (ONBUILD) are not the file's."""
        return [node for node in stage.instructions if self.file.has(node.span)]

    def built(self) -> Iterator[Instruction]:
        """Yield the instructions of the stages that are built."""
        return (node for stage in self.reached for node in self.nodes(stage))

    def copied(self) -> Iterator[tuple[Copy, Word, str]]:
        """Yield what is copied from the build context: the instruction, the word, the path with variables put in."""
        for node in self.built():
            if isinstance(node, Copy) and node.flag("from") is None:
                for word in node.sources:
                    path = self.facts.text(word)
                    if not (node.add and _REMOTE.match(path)) and not path.startswith("<<"):
                        yield node, word, path


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A check with its documentation; the examples are run by the tests."""

    name: str
    description: str
    """One sentence; BuildKit's where the rule is BuildKit's."""
    why: str
    bad: str
    good: str
    check: Callable[[View], Iterator[Finding]]
    by_default: bool = True
    experimental: bool = False
    severity: Severity = Severity.WARNING
    mends: bool = False
    """Whether its findings have edits."""
    help: str = ""
    has_url: bool = True
    files: Mapping[str, str] = field(default_factory=dict)
    """The files of the examples' context."""
    build_args: Mapping[str, str] = field(default_factory=dict)
    """Those that the examples are built with."""
    platform: str = ""
    """The platform that the examples are built for, if it matters."""

    @property
    def url(self) -> str:
        """Where BuildKit's rule is described; empty for our own."""
        if not self.has_url or "/" in self.name:
            return ""
        return f"https://docs.docker.com/go/dockerfile/rule/{kebab(self.name)}/"


def kebab(name: str) -> str:
    """Return `StageNameCasing` as `stage-name-casing`; a run of capitals is one word (`JSONArgs`: `json-args`)."""
    out = []
    for index, character in enumerate(name):
        after = name[index + 1 : index + 2]
        begins = character.isupper() and index > 0 and (not name[index - 1].isupper() or after.islower())
        out.append(f"-{character.lower()}" if begins else character.lower())
    return "".join(out)


def finding(
    node: Instruction, message: str, span: Span | None = None, *, label: str = "", edits: tuple[Edit, ...] = ()
) -> Finding:
    """Return a finding about an instruction, pointing at a part of it."""
    return Finding(message=message, node=node, span=span or node.span, lines=node.lines, label=label, edits=edits)


def keyword_span(node: Instruction) -> Span | None:
    """Return where the keyword is; None where a continuation cuts it into two."""
    span = Span(node.span.source, node.span.start, node.span.start + len(node.keyword))
    return span if span.source.text[span.start : span.end] == node.keyword else None


def is_written(span: Span, text: str) -> bool:
    """Say whether a stretch of the file is exactly this text: no continuation or remark is inside."""
    return span.source.text[span.start : span.end] == text


def run_text(node: Run) -> str:
    """Return what a RUN says: its words, and the here-documents that it reads."""
    words = " ".join(word.text for word in node.command.words)
    return "\n".join([words, *(heredoc.body for heredoc in node.heredocs)])


def arg_names(node: Arg) -> list[str]:
    """Return the names that an ARG declares."""
    return [pair.name.text for pair in node.pairs]
