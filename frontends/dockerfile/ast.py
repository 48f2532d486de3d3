# SPDX-License-Identifier: Apache-2.0
"""The syntax tree of a Dockerfile: typed instructions, every word with its place. Places do not count for equality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import SourceText, Span
from ladle.frontends.dockerfile.heredocs import Heredoc
from ladle.frontends.dockerfile.lines import Directive
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.core.api.frontend import NamedContext


@dataclass(frozen=True, slots=True)
class Word:
    """A stretch of text as it was written, quotes and variables in it."""

    text: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Flag:
    """`--name` or `--name=value`; the value is without its quotes."""

    name: str
    value: Word | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """What all instructions have: the keyword as written, the text of the logical line, flags, lines, remarks above."""

    keyword: str
    source: str = field(compare=False, repr=False)
    span: Span = field(compare=False, repr=False)
    lines: tuple[int, int] = field(compare=False, repr=False)
    flags: tuple[Flag, ...] = ()
    comments: tuple[str, ...] = ()
    empty_continuations: tuple[int, ...] = field(default=(), compare=False, repr=False)
    heredocs: tuple[Heredoc, ...] = ()

    @property
    def name(self) -> str:
        """The keyword in upper case."""
        return self.keyword.upper()

    def flag(self, name: str) -> Word | None:
        """Return the value of a flag, None where it is not given (or given bare)."""
        return next((flag.value for flag in self.flags if flag.name == name), None)

    def words_of(self, name: str) -> list[Word]:
        """Return the values of a flag that may be given many times."""
        return [flag.value for flag in self.flags if flag.name == name and flag.value is not None]

    def says(self, name: str) -> bool | None:
        """Return what a yes-or-no flag says, None where it is not given."""
        flag = next((flag for flag in self.flags if flag.name == name), None)
        return None if flag is None else flag.value is None or flag.value.text.lower() == "true"


@dataclass(frozen=True, slots=True)
class Command:
    """The exec form (words) or, with `shell`, one text for the shell."""

    words: tuple[Word, ...]
    shell: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """`name=value`; `legacy` is the old form `ENV name value`. An ARG may have no value."""

    name: Word
    value: Word | None
    legacy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class From(Instruction):
    """FROM: begins a stage."""

    base: Word
    stage: Word | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arg(Instruction):
    """ARG."""

    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Env(Instruction):
    """ENV."""

    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label(Instruction):
    """LABEL."""

    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Instruction):
    """RUN. `script` is the here-document that is all of the command."""

    command: Command
    script: Heredoc | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cmd(Instruction):
    """CMD."""

    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrypoint(Instruction):
    """ENTRYPOINT."""

    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell(Instruction):
    """SHELL."""

    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck(Instruction):
    """HEALTHCHECK; without a command it is `NONE`. Durations are nanoseconds."""

    command: Command | None = None
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy(Instruction):
    """COPY, or ADD where `add` says so: from paths, then from here-documents."""

    sources: tuple[Word, ...]
    dest: Word
    documents: tuple[Heredoc, ...] = ()
    add: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume(Instruction):
    """VOLUME."""

    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expose(Instruction):
    """EXPOSE."""

    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workdir(Instruction):
    """WORKDIR."""

    path: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Instruction):
    """USER."""

    user: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopsignal(Instruction):
    """STOPSIGNAL."""

    signal: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintainer(Instruction):
    """MAINTAINER."""

    author: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Onbuild(Instruction):
    """ONBUILD: the text of an instruction for the children of the image."""

    trigger: Word

    @property
    def text(self) -> str:
        """The instruction with its here-documents, as it is kept in the image."""
        return "".join([self.trigger.text, *(f"\n{heredoc.body}{heredoc.name}" for heredoc in self.heredocs)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Include(Instruction):
    """INCLUDE: the instructions of another file in this place (labs)."""

    path: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Import(Instruction):
    """IMPORT: the stages of another file, by its path, to be used as `ALIAS.STAGE` (labs)."""

    path: Word
    alias: Word | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What an IMPORT stands for: a file with the tree that it copies from (None: the build context)."""

    name: str
    file: Dockerfile
    span: Span
    tree: NamedContext | None = None


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A parsed file. Where it is made of others, the instructions of those that it includes are among its own."""

    source: SourceText = field(compare=False, repr=False)
    escape: str
    directives: tuple[Directive, ...]
    instructions: tuple[Instruction, ...]
    texts: tuple[SourceText, ...] = field(default=(), compare=False, repr=False)
    """The texts of the instructions where there are several: the file's own, and those of what it includes."""
    imports: tuple[Imported, ...] = ()
    labs: bool = field(default=False, compare=False, repr=False)
    """Whether it may use the labs language."""
    asked: Mapping[int, Span] = field(default_factory=dict, compare=False, repr=False)
    """Where each other text was asked for, by the identity of the text."""

    def has(self, span: Span) -> bool:
        """Say whether a place is in this file or in one that it includes."""
        return span.source is self.source or any(span.source is text for text in self.texts)


def dump(file: Dockerfile) -> str:
    """Return the tree as text with line and column of each word, for people and snapshots."""
    from ladle.core.api.snippets import position

    out = [f"escape {file.escape}"]
    out += [f"directive {directive.name} = {directive.value}" for directive in file.directives]
    shared = {item.name for item in fields(Instruction)}
    for instruction in file.instructions:
        first, last = instruction.lines
        lines = f"{first}" if first == last else f"{first}-{last}"
        out.append(f"{lines}: {type(instruction).__name__} ({instruction.keyword})")
        out += [f"    # {comment!r}" for comment in instruction.comments]
        for flag in instruction.flags:
            value = "" if flag.value is None else f" = {flag.value.text!r}"
            out.append("    --{}{} @{}:{}".format(flag.name, value, *position(flag.span)))
        for item in fields(instruction):
            if item.name not in shared:
                out += _dump(item.name, getattr(instruction, item.name), "    ")
        out += [f"    heredoc {heredoc.name}: {heredoc.body!r}" for heredoc in instruction.heredocs]
    return "\n".join(out) + "\n"


def _dump(name: str, value: object, indent: str) -> list[str]:
    from ladle.core.api.snippets import position

    if isinstance(value, Word):
        return ["{}{}: {!r} @{}:{}".format(indent, name, value.text, *position(value.span))]
    if isinstance(value, Heredoc):
        return [f"{indent}{name}: <<{value.name}"]
    if isinstance(value, Command):
        return [f"{indent}{name}: {'shell' if value.shell else 'exec'}", *_dump("word", value.words, indent + "  ")]
    if isinstance(value, Pair):
        return _dump("legacy name" if value.legacy else "name", value.name, indent) + _dump(
            "value", value.value, indent + "  "
        )
    if isinstance(value, tuple):
        return [line for part in value for line in _dump(name, part, indent)]
    return [] if value is None or value is False or value == 0 else [f"{indent}{name}: {value!r}"]
