# SPDX-License-Identifier: Apache-2.0
"""The exporters of plain files: tar, local, and the one that writes nothing."""

from __future__ import annotations

import asyncio
import io
import marshal
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ladle.core.api.errors import UsageError
from ladle.core.api.exporter import Solved
from ladle.core.api.services import Services
from ladle.plugins.exporters.cacheonly import CacheOnlyExporter
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


def test_tar_of_several_platforms_has_a_directory_for_each(
    services: Services, make_solved: MakeSolved, tmp_path: Path
) -> None:
    solved = make_solved({"a": b"1"}, architectures=("amd64", "arm64"))
    asyncio.run(TarExporter.parse({"dest": str(tmp_path / "x.tar")}).export(services, solved))
    with tarfile.open(tmp_path / "x.tar") as archive:
        assert archive.getnames() == ["linux_amd64", "linux_amd64/a", "linux_arm64", "linux_arm64/a"]
        member = archive.extractfile("linux_arm64/a")
        assert isinstance(member, io.BufferedReader)
        assert member.read() == b"1arm64"


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


def test_mode_delete_makes_the_directory_a_mirror(services: Services, make_solved: MakeSolved, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for path in ("old/deep/er", "d"):
        (out / path).mkdir(parents=True)
    for path in ("old/deep/er/x", "d/old", "d/a"):
        (out / path).write_text("before")
    (out / "link").symlink_to("d")
    exporter = LocalExporter.parse({"dest": str(out), "mode": "delete"})
    asyncio.run(exporter.export(services, make_solved({"d/a": b"1"})))
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*")) == ["d", "d/a"]


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
