# SPDX-License-Identifier: Apache-2.0
"""The contract of a frontend as a suite of tests: subclass it, say what the frontend is and what it compiles."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from ladle.core.api.diagnostics import DiagnosticError, Severity
from ladle.core.api.frontend import BuildResult
from ladle.core.api.platforms import parse_platform
from ladle.frontends.testing.determinism import check_deterministic
from ladle.frontends.testing.graphs import graph_of, same_graph
from ladle.frontends.testing.run import compiled, made
from ladle.llb.definition import Definition

_CODE = re.compile(r"[A-Z]{2,}[0-9]{2,}")


class FrontendContract:
    """Every test of a frontend that needs to know only one build file that compiles, and perhaps one that does not.

    class TestContract(FrontendContract):
        frontend = "it.py"
        text = "echo hello"
        bad = "ecko hello"
    """

    frontend: ClassVar[Any]
    """A path, a class, or what `@frontend` returned."""
    text: ClassVar[str | bytes]
    """A build file that compiles."""
    bad: ClassVar[str | bytes | None] = None
    """A build file that does not, None where every text compiles."""
    context: ClassVar[Mapping[str, Any]] = {}
    """Words of `FakeContext`."""

    def compile(self, text: str | bytes, **more: Any) -> BuildResult:
        """Return what the frontend makes of a text."""
        return compiled(self._found(), text, **{**self.context, **more})

    def _found(self) -> Any:
        """Return the frontend; a path is looked for from the test's file."""
        if not isinstance(self.frontend, str | os.PathLike):
            return self.frontend
        return os.path.join(os.path.dirname(inspect.getfile(type(self))), self.frontend)

    def test_it_says_who_it_is(self) -> None:
        """Name and version are texts, and a name or first bytes can be looked at."""
        frontend = made(self._found())
        assert isinstance(frontend.NAME, str)
        assert frontend.NAME
        assert isinstance(frontend.VERSION, str)
        assert frontend.VERSION
        assert frontend.detect("a-name-that-nobody-has.ladle-test", b"") is False

    def test_each_platform_has_its_image(self) -> None:
        """There is one image for each wanted platform, in their order, with a config that names it."""
        names = ("linux/amd64", "linux/arm64")
        result = self.compile(self.text, platforms=names)
        assert isinstance(result, BuildResult)
        assert [image.platform for image in result.images] == [parse_platform(name) for name in names]
        for image in result.images:
            assert image.config.get("os") == image.platform.os
            assert image.config.get("architecture") == image.platform.architecture

    def test_the_graph_can_be_stored(self) -> None:
        """What is written is read back as the same graph."""
        graph = graph_of(self.compile(self.text))
        same_graph(graph, Definition.from_bytes(graph.to_bytes()))

    def test_it_is_deterministic(self) -> None:
        """It makes the same graph in other processes, whatever the order of sets and dicts, the place and the clock."""
        check_deterministic(self._found(), self.text, **self.context)

    def test_errors_say_where(self) -> None:
        """A build file that does not compile is refused with located errors that have codes."""
        if self.bad is None:
            return
        try:
            self.compile(self.bad)
        except DiagnosticError as error:
            found = [each for each in error.diagnostics if each.severity is Severity.ERROR]
        else:
            raise AssertionError("the bad build file compiles")
        assert found
        for each in found:
            assert _CODE.fullmatch(each.code), f"{each.code!r} is no code"
            assert each.message
            assert each.labels, f"{each.code} says nowhere where it is"
