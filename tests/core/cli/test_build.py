# SPDX-License-Identifier: Apache-2.0
"""`ladle build` around a build: what it prints where, and that it closes what it opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.build.outcome import Outcome
from ladle.core.store.store import Store
from tests.core.cli.conftest import Said

Run = Callable[..., Said]
DIGEST = f"sha256:{'a' * 64}"


class Fake:
    """A build that does nothing but remember how it was asked for."""

    asked: dict[str, Any]
    error: BuildError | None = None

    def __init__(self, request: Any, **given: Any) -> None:
        Fake.asked = {"request": request, **given}

    def run(self) -> Outcome:
        reporter = Fake.asked["reporter"]
        reporter.warning("look out")
        reporter.cached("sha256:1")
        if Fake.error is not None:
            raise Fake.error
        return Outcome(summaries=("wrote it",), metadata={"containerimage.digest": DIGEST})


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the fake in place of the real build."""
    monkeypatch.setattr("ladle.core.build.build.Build", Fake)
    monkeypatch.setattr(Fake, "error", None)


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of the stores that were closed."""
    found: list[str] = []
    close = Store.close

    def counted(self: Store) -> None:
        found.append(self.root)
        close(self)

    monkeypatch.setattr(Store, "close", counted)
    return found


def test_progress_and_summaries_go_to_stderr(ladle: Run, tmp_path: Path, closed: list[str]) -> None:
    done = ladle("build", "-o", "out", tmp_path)
    assert (done.code, done.out) == (0, "")
    lines = done.err.splitlines()
    assert lines[2].startswith("1 steps, 1 cached, ")
    assert [*lines[:2], *lines[3:]] == ["warning: look out", "sha256:1 CACHED", "wrote it"]
    assert closed == [str(tmp_path / "store")]


def test_quiet_prints_the_digest_alone_on_stdout(ladle: Run, tmp_path: Path) -> None:
    done = ladle("build", "-q", "-o", "out", tmp_path)
    assert done.out == f"{DIGEST}\n"
    assert done.err.splitlines()[0] == "warning: look out"
    assert "CACHED" not in done.err


def test_a_build_without_output_says_so(ladle: Run, tmp_path: Path) -> None:
    assert ladle("build", tmp_path).err.splitlines()[-1].startswith("no output was asked for")


def test_files_about_the_build(ladle: Run, tmp_path: Path) -> None:
    ladle("build", "--metadata-file=m.json", "--iidfile=iid", tmp_path)
    assert (tmp_path / "iid").read_text() == DIGEST
    assert DIGEST in (tmp_path / "m.json").read_text()


def test_a_failed_build_closes_the_store_and_writes_nothing(
    ladle: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: list[str]
) -> None:
    monkeypatch.setattr(Fake, "error", BuildError("it broke", code="LA0999"))
    done = ladle("build", "--iidfile=iid", tmp_path)
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1] == "error[LA0999]: it broke"
    assert closed == [str(tmp_path / "store")]
    assert not (tmp_path / "iid").exists()


def test_a_given_graph_leaves_no_memo(ladle: Run, tmp_path: Path) -> None:
    ladle("build", tmp_path)
    assert len(Fake.asked["memo_key"]) == 64
    ladle("build", "--llb", "x.llb")
    assert Fake.asked["memo_key"] == ""


def test_the_root_flag_chooses_the_store(ladle: Run, tmp_path: Path, closed: list[str]) -> None:
    ladle("build", "--root", tmp_path / "other", tmp_path)
    assert closed == [str(tmp_path / "other")]
