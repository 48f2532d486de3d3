# SPDX-License-Identifier: Apache-2.0
"""The fast path: it answers from a memo that holds, and leaves everything else to the full command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ladle.core.api.refs import layers_ref
from ladle.core.build import memo
from ladle.core.build.reads import Read, file_read
from ladle.core.cli.fast import try_cached
from ladle.core.cli.main import main
from ladle.core.cli.options import parse_plain
from ladle.core.store.store import Store

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory with a build file, made the present one, with a store beside it."""
    monkeypatch.setenv("LADLE_ROOT", str(tmp_path / "store"))
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "Dockerfile").write_text("FROM scratch\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def remember(place: Path) -> Callable[..., None]:
    """Return a function that leaves the memo of a request as a finished build would."""

    def leave(argv: list[str], *, reads: tuple[Read, ...] = (), made: Path | None = None) -> None:
        dockerfile = place / "context" / "Dockerfile"
        values, positional = parse_plain(argv)
        store = Store.open(str(place / "store"))
        record = store.records().add(layers_ref([]), [b"k" * 32], {})
        files = {}
        if made is not None:
            stat = made.lstat()
            files = {str(made): (stat.st_mode, stat.st_size, stat.st_mtime_ns, stat.st_ino, stat.st_ctime_ns)}
        report = SimpleNamespace(
            summary="wrote it", files=files, receipt="", receipt_root="", metadata={"containerimage.digest": DIGEST}
        )
        compiled = SimpleNamespace(
            reads=(file_read(str(dockerfile), dockerfile.read_bytes()), *reads), warnings=("look out",)
        )
        memo.remember(
            store,
            memo.identity(values, positional, os.environ),
            compiled=compiled,
            roots=[],
            steps=["[1/1] COPY a /"],
            records=[record],
            reports=[report],
        )
        store.close()

    return leave


def test_an_unchanged_build_is_answered(
    place: Path, remember: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    remember(["-o", "out", "context"])
    assert main(["build", "-o", "out", "context"]) == 0
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert lines[:2] == ["warning: look out", "[1/1] COPY a / CACHED"]
    assert lines[2].startswith("1 steps, 1 cached, 0.")
    assert lines[3:] == ["wrote it"]
    assert out == ""


def test_quiet_prints_the_digest(
    place: Path, remember: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    remember(["context"])
    assert try_cached(["-q", "context"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{DIGEST}\n"
    assert "CACHED" not in err


@pytest.mark.parametrize(
    "more",
    [
        ["--no-cache"],
        ["--no-cache-filter=x"],
        ["--pull"],
        ["--metadata-file=m"],
        ["--iidfile=i"],
        ["--llb=x"],
        ["--progress=rawjson"],
        ["--help"],
        ["--nosuch"],
        ["--build-arg=A=1"],
        ["--target=other"],
        ["--root=elsewhere"],
    ],
)
def test_another_request_is_not_answered(
    place: Path, remember: Callable[..., None], capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    remember(["context"])
    assert try_cached(["context"]) == 0
    capsys.readouterr()
    assert try_cached([*more, "context"]) is None
    assert capsys.readouterr() == ("", "")


def test_without_a_store_nothing_is_made(place: Path) -> None:
    assert try_cached(["context"]) is None
    assert not (place / "store").exists()


def test_a_changed_read_is_not_answered(place: Path, remember: Callable[..., None]) -> None:
    absent = place / "context" / ".dockerignore"
    remember(["context"], reads=(file_read(str(absent), None),))
    assert try_cached(["context"]) == 0
    absent.write_text("x\n")
    assert try_cached(["context"]) is None
    absent.unlink()
    assert try_cached(["context"]) == 0
    (place / "context" / "Dockerfile").write_text("FROM scratch \n")
    assert try_cached(["context"]) is None


def test_a_changed_output_is_not_answered(place: Path, remember: Callable[..., None]) -> None:
    made = place / "made"
    made.write_text("1")
    remember(["-o", "made", "context"], made=made)
    assert try_cached(["-o", "made", "context"]) == 0
    made.write_text("12")
    assert try_cached(["-o", "made", "context"]) is None
    made.unlink()
    assert try_cached(["-o", "made", "context"]) is None


def test_another_directory_or_environment_is_another_request(
    place: Path, remember: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VALUE", "1")
    remember(["--build-arg", "VALUE", "context"])
    assert try_cached(["--build-arg", "VALUE", "context"]) == 0
    monkeypatch.setenv("VALUE", "2")
    assert try_cached(["--build-arg", "VALUE", "context"]) is None
    monkeypatch.setenv("VALUE", "1")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    assert try_cached(["--build-arg", "VALUE", "context"]) is None
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    monkeypatch.chdir(place / "context")
    assert try_cached(["--build-arg", "VALUE", "context"]) is None


def test_a_tag_is_asked_for_unless_it_is_pinned_or_offline(
    place: Path, remember: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def head(*where: str) -> str:
        asked.append(where)
        return "sha256:new" if len(asked) > 1 else "sha256:old"

    monkeypatch.setattr("ladle.plugins.quick.tag_digest", head)
    tag = ("tag", "x", "linux/amd64", "docker.io", "library/x", "1", "", "sha256:old")
    remember(["context"], reads=(tag,))
    remember(["--offline", "context"], reads=(tag,))
    assert try_cached(["--offline", "context"]) == 0
    assert asked == []
    assert try_cached(["context"]) == 0
    assert asked == [("docker.io", "library/x", "1")]
    assert try_cached(["context"]) is None
    remember(["context"], reads=((*tag[:6], "sha256:old", "sha256:old"),))
    assert try_cached(["context"]) == 0
    assert len(asked) == 2


@pytest.mark.parametrize("damage", [b"", b"garbage", b"\x00" * 8])
def test_a_damaged_memo_is_no_answer(place: Path, remember: Callable[..., None], damage: bytes) -> None:
    remember(["context"])
    values, positional = parse_plain(["context"])
    store = Store.open(str(place / "store"))
    store.facts.put(memo.KIND, memo.identity(values, positional, os.environ), damage)
    store.close()
    assert try_cached(["context"]) is None


def test_a_record_that_is_gone_is_no_answer(place: Path, remember: Callable[..., None]) -> None:
    remember(["context"])
    store = Store.open(str(place / "store"))
    found = memo.load(store, memo.identity(*parse_plain(["context"]), os.environ))
    assert found is not None
    store.records().drop(found["records"][0])
    store.close()
    assert try_cached(["context"]) is None


def test_a_store_that_cannot_be_read_is_left_to_the_full_path(place: Path) -> None:
    (place / "store" / "ladle.db").mkdir(parents=True)
    assert try_cached(["context"]) is None
