# SPDX-License-Identifier: Apache-2.0
"""The full command line: what it prints of an error, and the codes that it exits with."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, Label, Severity, SourceText, Span
from ladle.core.api.errors import BuildError, InternalError, UsageError
from ladle.core.build.outcome import StepError
from ladle.core.cli.guard import render_error
from ladle.core.version import VERSION
from tests.core.cli.conftest import Said

Run = Callable[..., Said]


def test_a_plain_error() -> None:
    assert render_error(BuildError("it broke", code="LA0999")) == "error[LA0999]: it broke"
    error = BuildError("it broke", code="LA0999", notes=["one", "two"], help="mend it")
    assert render_error(error) == "error[LA0999]: it broke\n  note: one\n  note: two\n  help: mend it"


def test_a_steps_error() -> None:
    step = StepError(BuildError("no", code="LA0400"), step="RUN x", excerpt=["f:1"], log=["said"], log_path="/l")
    assert render_error(step) == step.render()


def test_every_diagnostic_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    source = SourceText("Dockerfile", "FORM x\n")
    bad = [
        Diagnostic(code=f"DF000{n}", severity=Severity.ERROR, message=f"m{n}", labels=(Label(Span(source, 0, 4)),))
        for n in (1, 2)
    ]
    shown = render_error(DiagnosticError(bad))
    assert shown.split("\n\n")[1].startswith("error[DF0002]: m2\n  --> Dockerfile:1:1\n 1 | FORM x\n   | ^^^^")
    assert "\033" not in shown
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\033[1;31merror" in render_error(DiagnosticError(bad))
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033" not in render_error(DiagnosticError(bad))


OUTCOMES: list[tuple[BaseException, int, str]] = [
    (BuildError("it broke", code="LA0998"), 1, r"error\[LA0998\]: it broke"),
    (UsageError("bad flag", code="LA0997"), 2, r"error\[LA0997\]: bad flag"),
    (KeyboardInterrupt(), 130, "canceled"),
    (click.Abort(), 130, "canceled"),
    (click.UsageError("what"), 2, "Error: what"),
    (InternalError("impossible"), 70, rf"Traceback.*internal error: impossible\nThis is a bug in ladle {VERSION}"),
]


@pytest.mark.parametrize(("error", "code", "said"), OUTCOMES, ids=[type(case[0]).__name__ for case in OUTCOMES])
def test_exit_codes(ladle: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str) -> None:
    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr("ladle.core.cli.build.run_build", fail)
    done = ladle("build", ".")
    assert done.code == code
    assert re.search(said, done.err, re.DOTALL)
    assert done.out == ""


def test_sigterm_is_an_interrupt(ladle: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> int:
        signal.raise_signal(signal.SIGTERM)
        return 0

    monkeypatch.setattr("ladle.core.cli.build.run_build", stop)
    assert ladle("build", ".").code == 143


@pytest.mark.parametrize(
    "words", [["--nosuch"], ["biuld"], ["build", "--nosuch"], ["inspect"], ["compile"], ["build", "-t"]]
)
def test_mistakes_of_usage(ladle: Run, words: list[str]) -> None:
    done = ladle(*words)
    assert done.code == 2
    assert "Error: " in done.err


@pytest.mark.parametrize(
    "words", [["--help"], ["build", "-h"], ["compile", "--help"], ["inspect", "--help"], ["--version"]]
)
def test_help(ladle: Run, words: list[str]) -> None:
    done = ladle(*words)
    assert done.code == 0
    assert "Usage: ladle" in done.out or done.out == f"ladle {VERSION}\n"


def test_plugins_are_listed(ladle: Run) -> None:
    lines = ladle("plugins").out.splitlines()
    assert {line.split()[0] for line in lines[1:]} == {"frontend", "source", "exporter", "executor", "snapshotter"}
    assert any(re.fullmatch(r"frontend +dockerfile +\d+ +built-in +ok", line) for line in lines)
    assert all(line.endswith("ok") for line in lines[1:])


def test_a_failed_build_closes_what_it_opened(ladle: Run, tmp_path: Path) -> None:
    first = ladle("build", tmp_path)
    assert first.code == 1
    assert "error[LA0131]" in first.err
    assert ladle("build", tmp_path) == first


def test_an_unknown_progress_mode_comes_before_the_store(ladle: Run, tmp_path: Path) -> None:
    assert "error[LA0102]" in ladle("build", "--progress=loud", tmp_path).err
    assert not (tmp_path / "store").exists()
