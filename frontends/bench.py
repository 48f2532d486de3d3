# SPDX-License-Identifier: Apache-2.0
"""What a frontend written with the SDK works on: lines with positions, bases that are looked up, files of the context.

While a function frontend compiles there is one bench. It notices every step that is made and says for which line of
the build file; it collects what is wrong, so that one run tells all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, Label, Severity, SourceText, Span
from ladle.core.api.errors import BuildError
from ladle.llb.metadata import Location, Range, SourceInfo
from ladle.llb.nodes import VertexNode, on_made

if TYPE_CHECKING:
    from ladle.core.api.frontend import Context
    from ladle.frontends.python.bases import Bases
    from ladle.frontends.python.work import Work
    from ladle.llb.nodes import Node
    from ladle.llb.ops.platform import Platform
    from ladle.llb.state import State

_benches: list[Bench] = []


class Line:
    """One line of the build file: `text` without its end and the blanks around it, `number` from 1, and its words."""

    def __init__(self, bench: Bench, number: int, text: str) -> None:
        self._bench = bench
        self.number = number
        self.text = text

    @property
    def words(self) -> list[str]:
        """The line's words: what blanks part."""
        return self.text.split()

    def error(self, message: str, *, code: str = "FE1000", help: str = "") -> DiagnosticError:
        """Return an error about this line, to be raised: the compile ends with it."""
        return DiagnosticError([*self._bench.wrong, self._finding(Severity.ERROR, message, code, help)])

    def wrong(self, message: str, *, code: str = "FE1000", help: str = "") -> None:
        """Note an error about this line and go on, so that others are found too; the compile fails at its end."""
        self._bench.wrong.append(self._finding(Severity.ERROR, message, code, help))

    def warn(self, message: str, *, code: str = "FE1001", help: str = "") -> None:
        """Warn about this line; the build goes on."""
        self._bench.context.warn(self._finding(Severity.WARNING, message, code, help))

    def _finding(self, severity: Severity, message: str, code: str, help: str) -> Diagnostic:
        return finding(self._bench.context, severity, message, line=self.number, code=code, help=help)


class Bench:
    """One compile of a function frontend, and the platform that it compiles for."""

    def __init__(self, context: Context, platform: Platform) -> None:
        self.context = context
        self.platform = platform
        self.wrong: list[Diagnostic] = []
        self._bases: Bases | None = None
        self._line = 0
        self._source: SourceInfo | None = None

    @property
    def bases(self) -> Bases:
        """The trees that steps are put on or copied from."""
        if self._bases is None:
            from ladle.frontends.python.bases import Bases

            self._bases = Bases(cast("Work", self))
        return self._bases

    @property
    def has_bases(self) -> bool:
        """Whether any has been asked for."""
        return self._bases is not None

    def target_tree(self, name: str) -> State:
        """Refuse: a frontend of functions has no targets that a named context could be."""
        raise BuildError(
            f"this frontend has no target {name!r} that a context could be",
            code="FE0030",
            help="name an image or a path",
        )

    def lines(self, comment: str) -> Iterator[Line]:
        """Yield the lines that say something; the steps that are made meanwhile belong to the line."""
        text = self.context.build_file()[1].decode(errors="replace")
        try:
            for number, line in enumerate(text.split("\n"), 1):
                said = line.strip()
                if said and not (comment and said.startswith(comment)):
                    self._line = number
                    yield Line(self, number, said)
        finally:
            self._line = 0
        self.check()

    def check(self) -> None:
        """Raise what was found wrong so far."""
        if self.wrong:
            raise DiagnosticError(self.wrong)

    def made(self, node: Node) -> None:
        """Say of a new step for which line it was made."""
        if self._line and not node.locations and not isinstance(node, VertexNode):
            if self._source is None:
                name, data = self.context.build_file()
                self._source = SourceInfo(filename=name, data=data)
            here = Range(start_line=self._line, end_line=self._line)
            node.locations = (Location(source=self._source, ranges=(here,)),)

    def maker(self, node: Node) -> str:  # noqa: ARG002 — as `name_steps` asks
        """Return the name of the target that made a step: there are none."""
        return ""


@contextmanager
def at_work(context: Context, platform: Platform) -> Iterator[Bench]:
    """Have a bench for one compile."""
    bench = Bench(context, platform)
    before = on_made(bench.made)
    _benches.append(bench)
    try:
        yield bench
    finally:
        _benches.pop()
        on_made(before)


def bench_of(context: Context) -> Bench:
    """Return the bench of the compile that a context is of; raises `BuildError` outside of one."""
    for bench in reversed(_benches):
        if bench.context is context:
            return bench
    raise BuildError(
        "lines, base and files are for the function under @frontend while it compiles",
        code="FE0031",
        help="call them with the context that it was given",
    )


def finding(context: Context, severity: Severity, message: str, *, line: int, code: str, help: str) -> Diagnostic:
    """Return a diagnostic about a line of the build file, from its first sign to its last."""
    name, data = context.build_file()
    text = data.decode(errors="replace")
    lines = text.split("\n")
    number = min(max(line, 1), len(lines))
    shown = lines[number - 1]
    start = sum(len(each) + 1 for each in lines[: number - 1]) + len(shown) - len(shown.lstrip())
    span = Span(SourceText(name, text), start, max(start + 1, start + len(shown.strip())))
    return Diagnostic(code=code, severity=severity, message=message, labels=(Label(span),), help=help)


def completed(bench: Bench, image: Any, epoch: int | None) -> Any:
    """Return an `Image` of the SDK as an `ImageResult` whose config has what its base's has and what steps set."""
    from ladle.frontends.python.compile import finished
    from ladle.frontends.python.results import Image

    given = Image(image.state, config=image.config, labels=image.config.get("Labels"))
    given.env = dict(entry.partition("=")[::2] for entry in image.config.get("Env", ()))
    given.given = {name: value for name, value in image.config.items() if name not in ("Env", "Labels")}
    return finished(cast("Work", bench), given, bench.platform, epoch)
