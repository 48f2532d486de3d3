# SPDX-License-Identifier: Apache-2.0
"""What surrounds a build: graphs from files, and what is written about it. (Whole builds: tests/e2e.)"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from ladle.core.api.errors import BuildError, UsageError
from ladle.core.build.build import log_directory, read_graph, write_metadata
from ladle.core.build.outcome import Outcome
from ladle.llb import marshal, scratch
from ladle.llb.limits import MAX_DEFINITION_BYTES

GRAPH = marshal(scratch().mkfile("/a", b"1")).to_bytes()
DIGEST = f"sha256:{'a' * 64}"


def test_a_graph_from_a_file_or_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.llb").write_bytes(GRAPH)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(GRAPH)))
    assert read_graph(str(tmp_path / "x.llb")).to_bytes() == read_graph("-").to_bytes() == GRAPH


def test_a_graph_that_cannot_be_read(tmp_path: Path) -> None:
    for path in ("absent", "."):
        with pytest.raises(UsageError) as caught:
            read_graph(str(tmp_path / path))
        assert caught.value.code == "LA0150"


@pytest.mark.parametrize("data", [b"", GRAPH[:-1], GRAPH + b"\x00", b"FROM scratch\n"])
def test_a_graph_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    (tmp_path / "x.llb").write_bytes(data)
    with pytest.raises(BuildError, match=r"x\.llb' is not valid") as caught:
        read_graph(str(tmp_path / "x.llb"))
    assert (caught.value.code, caught.value.exit_code) == ("LA0151", 1)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    with pytest.raises(BuildError, match="on stdin is not valid"):
        read_graph("-")


def test_a_graph_without_end_is_not_read_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def read(size: int) -> bytes:
        asked.append(size)
        return GRAPH

    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=SimpleNamespace(read=read)))
    read_graph("-")
    assert asked == [MAX_DEFINITION_BYTES + 1]


def test_metadata_and_digest_are_written_whole(tmp_path: Path) -> None:
    outcome = Outcome(metadata={"image.name": "x", "containerimage.digest": DIGEST})
    values = {"metadata_file": str(tmp_path / "m.json"), "iidfile": str(tmp_path / "iid")}
    (tmp_path / "iid").write_text("old")
    write_metadata(outcome, values)
    assert json.loads((tmp_path / "m.json").read_text()) == outcome.metadata
    assert (tmp_path / "iid").read_text() == DIGEST
    assert sorted(os.listdir(tmp_path)) == ["iid", "m.json"]
    write_metadata(outcome, {"metadata_file": "", "iidfile": ""})


def test_metadata_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    for path in (tmp_path / "no" / "m", tmp_path / "dir"):
        with pytest.raises(BuildError) as caught:
            write_metadata(Outcome(), {"metadata_file": str(path), "iidfile": ""})
        assert caught.value.code == "LA0152"
    assert os.listdir(tmp_path) == ["dir"]


def test_each_build_has_its_logs() -> None:
    assert log_directory("/r").startswith("/r/logs/2")
    assert log_directory("/r").endswith(f"-{os.getpid()}")
