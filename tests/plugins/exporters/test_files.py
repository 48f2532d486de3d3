# SPDX-License-Identifier: Apache-2.0
"""The exporters of plain files: tar, local, and the one that writes nothing."""

from __future__ import annotations

import asyncio
import hashlib
import marshal
import os
import tarfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ladle.core.api.errors import UsageError
from ladle.core.api.exporter import Solved
from ladle.core.api.services import Services
from ladle.plugins.exporters import written
from ladle.plugins.exporters.cacheonly import CacheOnlyExporter
from ladle.plugins.exporters.file_options import shown_progress
from ladle.plugins.exporters.local import LocalExporter
from ladle.plugins.exporters.tar import TarExporter

MakeSolved = Callable[..., Solved]


def test_tar_appears_under_its_name_at_the_end(services: Services, make_solved: MakeSolved, tmp_path: Path) -> None:
    dest = tmp_path / "sub/x.tar"
    report = asyncio.run(TarExporter.parse({"dest": str(dest)}).export(services, make_solved({"a": b"1"}, epoch=7)))
    with tarfile.open(dest) as archive:
        assert archive.getnames() == ["a"]
        assert archive.getmember("a").mtime == 7
    assert report.files[str(dest)][3] == dest.stat().st_ino
    assert [path.name for path in dest.parent.iterdir()] == ["x.tar"]


def test_a_failed_tar_leaves_what_was_there(services: Services, make_solved: MakeSolved, tmp_path: Path) -> None:
    dest = tmp_path / "x.tar"
    dest.write_bytes(b"before")
    solved = make_solved({"a": b"1"})
    solved.images[0].ref["layers"] = ["missing", "nowhere", ""]
    services.worker.export_tar = lambda args, fds: 1 / 0  # type: ignore[attr-defined]
    with pytest.raises(ZeroDivisionError):
        asyncio.run(TarExporter.parse({"dest": str(dest)}).export(services, solved))
    assert dest.read_bytes() == b"before"
    assert not list(tmp_path.glob(".*"))


def test_tar_to_standard_output_is_made_anew_each_time(
    services: Services, make_solved: MakeSolved, capfd: pytest.CaptureFixture[str]
) -> None:
    report = asyncio.run(TarExporter.parse({"dest": "-"}).export(services, make_solved({"a": b"1"})))
    assert not report.replayable
    assert "a\0" in capfd.readouterr().out


def test_a_device_is_written_to_and_stays(services: Services, make_solved: MakeSolved) -> None:
    report = asyncio.run(TarExporter.parse({"dest": "/dev/null"}).export(services, make_solved({"a": b"1"})))
    assert not report.files
    assert Path("/dev/null").is_char_device()


def test_what_the_worker_is_asked_for(services: Services, make_solved: MakeSolved, tmp_path: Path) -> None:
    solved = make_solved({"a": b"1"}, architectures=("amd64", "arm64"), epoch=5)
    services.worker.export_tar = lambda args, fds: {}  # type: ignore[attr-defined]
    attributes = {"dest": str(tmp_path / "x.tar"), "src": "/out/**\n/lib", "owner": "7", "source-date-epoch": "9"}
    asyncio.run(TarExporter.parse(attributes).export(services, solved))
    asyncio.run(TarExporter.parse({"dest": str(tmp_path / "x.tar"), "owner": "me"}).export(services, solved))
    first, second = services.worker.named("export_tar")  # type: ignore[attr-defined]
    assert [part[0] for part in first["parts"]] == ["linux_amd64", "linux_arm64"]
    assert (first["src"], first["owner"], first["epoch"]) == (["/out/**", "/lib"], [7, 7], 9)
    assert (second["src"], second["owner"], second["epoch"]) == ([], [os.getuid(), os.getgid()], 5)


def test_local_writes_files_and_a_receipt(services: Services, make_solved: MakeSolved, tmp_path: Path) -> None:
    exporter = LocalExporter.parse({"dest": str(tmp_path / "out")})
    report = asyncio.run(exporter.export(services, make_solved({"d/a": b"1"})))
    assert (tmp_path / "out/d/a").read_bytes() == b"1"
    assert report.receipt_root == str(tmp_path / "out")
    assert set(marshal.loads(Path(report.receipt).read_bytes())) == {b"d/a"}
    assert services.reporter.warnings == ["a warning"]  # type: ignore[attr-defined]
    assert services.worker.named("export_local")[0]["mode"] == "copy"  # type: ignore[attr-defined]


def test_local_of_several_platforms_joins_the_receipts(
    services: Services, make_solved: MakeSolved, tmp_path: Path
) -> None:
    exporter = LocalExporter.parse({"dest": str(tmp_path / "out"), "mode": "delete"})
    report = asyncio.run(exporter.export(services, make_solved({"a": b"1"}, architectures=("amd64", "arm64"))))
    assert (tmp_path / "out/linux_arm64/a").read_bytes() == b"1arm64"
    assert set(marshal.loads(Path(report.receipt).read_bytes())) == {b"linux_amd64/a", b"linux_arm64/a"}
    assert os.listdir(os.path.dirname(report.receipt)) == [os.path.basename(report.receipt)]


@pytest.mark.parametrize("where", ["/", "~", "~/..", "store", "store/blobs", ".."])
def test_delete_is_refused_where_nobody_means_it(
    where: str, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home/here").mkdir(parents=True)
    (tmp_path / "loop").symlink_to("/")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    allowed = replace(services, grants=frozenset(["local.delete"]))
    dest = os.path.normpath(os.path.expanduser(where))
    for place in (dest, f"loop/{os.path.abspath(dest)}"):
        exporter = LocalExporter.parse({"dest": place, "mode": "delete"})
        with pytest.raises(UsageError, match="mode=delete does not delete in") as caught:
            exporter.prepare(allowed)
        assert caught.value.code == "LA0228"


def test_delete_is_for_below_the_current_directory(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/out").symlink_to(tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path / "here")
    LocalExporter.parse({"dest": "dist/deep", "mode": "delete"}).prepare(services)
    for dest in (".", str(tmp_path / "elsewhere"), str(tmp_path / "here-too"), "out"):
        exporter = LocalExporter.parse({"dest": dest, "mode": "delete"})
        with pytest.raises(UsageError, match="not below the current directory"):
            exporter.prepare(services)
        for grant in ("local.delete", "buildx.local.delete"):
            exporter.prepare(replace(services, grants=frozenset([grant])))


def test_other_owners_are_for_root(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    LocalExporter.parse({"dest": "x", "owner": "me"}).prepare(services)
    for owner in ("keep", "1:2"):
        with pytest.raises(UsageError, match="only root"):
            LocalExporter.parse({"dest": "x", "owner": owner}).prepare(services)


@pytest.mark.parametrize(
    "attributes",
    [{"owner": "root"}, {"owner": "1:"}, {"owner": "4294967295"}, {"src": "a["}, {"src": "/o*/./x"}, {"mode": "sync"}],
)
def test_bad_attributes(attributes: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        LocalExporter.parse({"dest": "x", **attributes})
    assert caught.value.code == ("LA0255" if "src" in attributes else "LA0221")


def test_details_list_the_files(
    services: Services, make_solved: MakeSolved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = LocalExporter.parse({"dest": str(tmp_path / "out")})
    report = asyncio.run(exporter.export(services, make_solved({"d/a": b"1", "b": b"22", "c": b""})))
    (tmp_path / "out/b").write_bytes(b"changed since")
    monkeypatch.setattr(written, "LIMIT", 2)
    assert report.details is not None
    (item,) = report.details()["ladle.export.files"]
    assert item["files"] == [
        {"path": "b", "type": "file", "size": 2},
        {"path": "c", "type": "file", "size": 0, "sha256": hashlib.sha256(b"").hexdigest()},
    ]
    assert (item["count"], item["omitted"], item["dest"]) == (3, 1, str(tmp_path / "out"))
    tar = asyncio.run(TarExporter.parse({"dest": str(tmp_path / "x.tar")}).export(services, make_solved({"a": b"1"})))
    assert tar.details is not None
    (item,) = tar.details()["ladle.export.files"]
    assert item["files"][0]["sha256"] == hashlib.sha256((tmp_path / "x.tar").read_bytes()).hexdigest()


def test_several_platforms_do_not_share_a_directory(
    services: Services, make_solved: MakeSolved, tmp_path: Path
) -> None:
    exporter = LocalExporter.parse({"dest": str(tmp_path / "out"), "platform-split": "false"})
    with pytest.raises(UsageError) as caught:
        asyncio.run(exporter.export(services, make_solved({"a": b"1"}, architectures=("amd64", "arm64"))))
    assert caught.value.code == "LA0223"


def test_cacheonly_writes_nothing(services: Services, make_solved: MakeSolved) -> None:
    report = asyncio.run(CacheOnlyExporter.parse({}).export(services, make_solved({"a": b"1"})))
    assert report.replayable
    assert not services.worker.jobs  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="no attribute 'dest'"):
        CacheOnlyExporter.parse({"dest": "x"})


def test_terminals_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda fd: True)
    with pytest.raises(UsageError) as caught:
        TarExporter.parse({"dest": "-"})
    assert caught.value.code == "LA0222"


def test_keys_tell_options_apart() -> None:
    keys = {
        LocalExporter.parse(attrs).key() for attrs in ({"dest": "a"}, {"dest": "b"}, {"dest": "a", "mode": "delete"})
    }
    assert len(keys) == 3
    assert LocalExporter.parse({"dest": "a"}).key() in keys
    with pytest.raises(UsageError, match="needs dest=PATH"):
        LocalExporter.parse({})


def test_progress_is_told_every_so_often(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(services.reporter, "status", lambda name, text: told.append((name, text)))
    tell = shown_progress(services.reporter, os.path.abspath("dist"))
    for second in range(5):
        clock[0] = float(second)
        tell({"type": "progress", "current": second * 100, "total": None})
        tell({"type": "other"})
    assert told == [("exporting to dist", "200 files"), ("exporting to dist", "400 files")]
