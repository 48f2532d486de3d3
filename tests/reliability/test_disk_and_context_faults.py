# SPDX-License-Identifier: Apache-2.0
"""Full and read-only disks, and contexts that cannot be read, vanish or change while a build runs."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ladle.core.store.check import check
from tests.support.command import Ladle
from tests.support.faulty import in_namespace, last, refused

pytestmark = pytest.mark.root
Context = Callable[..., Path]
LARGE = 'FROM busybox\nRUN dd if=/dev/zero of=/large bs=1M count=40 2>&1 && echo "done" > /made\n'
SMALL = "FROM busybox\nRUN echo made > /made\n"


@pytest.mark.parametrize("size", ["200k", "1m", "3m", "20m", "44m"])
def test_the_store_is_full(ladle: Ladle, busybox: Path, context: Context, tmp_path: Path, size: str) -> None:
    ladle.store.mkdir()
    script = f"""
        mount -t tmpfs -o size={size} tmpfs "$LADLE_ROOT"
        ladle build --build-context=busybox="oci-layout://$1" -o "type=oci,dest=$2/full.tar" "$3" && exit 99 || code=$?
        [ $code = 1 ] || exit 98
        [ ! -e "$2/full.tar" ] || exit 97
        mount -o remount,size=300m "$LADLE_ROOT"
        if [ -e "$LADLE_ROOT/ladle.db" ]; then ladle store check; fi
        ladle build --build-context=busybox="oci-layout://$1" -o "type=tar,dest=$2/after.tar" "$3"
        ladle store check
    """
    done = in_namespace(ladle, script, busybox, tmp_path, context({"Dockerfile": LARGE}))
    said = last(done)
    assert "error[" in said
    assert "space" in said.lower()
    assert (tmp_path / "after.tar").stat().st_size > 40 << 20


@pytest.mark.parametrize("kind", ["tar", "oci", "docker", "local"])
def test_the_output_is_full(ladle: Ladle, busybox: Path, context: Context, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    script = f"""
        mount -t tmpfs -o size=20m tmpfs "$2"
        flags="--build-context=busybox=oci-layout://$1 --output=type={kind},dest=$2/it"
        [ {kind} != oci ] || flags="$flags,compression=uncompressed"
        [ {kind} != docker ] || flags="$flags,compression=uncompressed"
        ladle build $flags "$3" && exit 99 || code=$?
        [ $code = 1 ] || exit 98
        [ {kind} = local ] || [ -z "$(ls -A "$2")" ] || exit 97
        [ ! -e "$2/it/large" ] || exit 96
        mount -o remount,size=300m "$2"
        ladle build $flags "$3"
        ladle store check
    """
    said = last(in_namespace(ladle, script, busybox, out, context({"Dockerfile": LARGE})))
    assert "error[" in said
    assert "space" in said.lower()


def test_a_full_disk_with_an_old_output_keeps_that(
    ladle: Ladle, busybox: Path, context: Context, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    script = """
        mount -t tmpfs -o size=20m tmpfs "$2"
        echo old > "$2/it"
        ladle build --build-context=busybox="oci-layout://$1" -o "type=tar,dest=$2/it" "$3" && exit 99 || true
        [ "$(cat "$2/it")" = old ] && [ "$(ls -A "$2")" = it ]
    """
    last(in_namespace(ladle, script, busybox, out, context({"Dockerfile": LARGE})))


def test_a_read_only_store(ladle: Ladle, busybox: Path, context: Context, tmp_path: Path) -> None:
    files = context({"Dockerfile": SMALL})
    base = f"--build-context=busybox=oci-layout://{busybox}"
    ladle("build", base, "-o", tmp_path / "first", files)
    (files / "Dockerfile").write_text(SMALL + "RUN echo more > /more\n")
    script = """
        mount --bind "$LADLE_ROOT" "$LADLE_ROOT" && mount -o remount,bind,ro "$LADLE_ROOT"
        ladle "$@"
    """
    said = refused(in_namespace(ladle, script, "build", base, "-o", tmp_path / "second", files))
    assert "read-only" in said.lower()
    assert str(ladle.store) in said
    assert not (tmp_path / "second").exists()
    ladle("build", base, "-o", tmp_path / "second", files)
    assert check(str(ladle.store)) == []


def test_a_read_only_place_for_a_new_store(ladle: Ladle, busybox: Path, context: Context) -> None:
    ladle.store.mkdir()
    script = """
        mount --bind "$LADLE_ROOT" "$LADLE_ROOT" && mount -o remount,bind,ro "$LADLE_ROOT"
        ladle "$@"
    """
    base = f"--build-context=busybox=oci-layout://{busybox}"
    said = refused(in_namespace(ladle, script, "build", base, context({"Dockerfile": SMALL})))
    assert "LADLE_ROOT" in said


def test_a_read_only_output(ladle: Ladle, busybox: Path, context: Context, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    script = """
        out="$1"; shift
        mount --bind "$out" "$out" && mount -o remount,bind,ro "$out"
        ladle "$@"
    """
    base = f"--build-context=busybox=oci-layout://{busybox}"
    files = context({"Dockerfile": SMALL})
    for output in (f"type=tar,dest={tmp_path}/out/it", f"type=local,dest={tmp_path}/out/it", f"{tmp_path}/out"):
        said = refused(in_namespace(ladle, script, tmp_path / "out", "build", base, "-o", output, files))
        assert "read-only" in said.lower()


def test_an_unreadable_context(ladle: Ladle, context: Context, tmp_path: Path) -> None:
    files = context({"Dockerfile": "FROM scratch\nCOPY . /\n", "open": "1", "d/secret": "2"})
    for path, name in ((files / "d" / "secret", "d/secret"), (files / "d", "d")):
        os.chown(path, 12345, 12345)
        path.chmod(0)
        powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
        poor = Ladle([*powerless, *ladle.command], ladle.store)
        said = refused(poor("build", "-o", tmp_path / "out", files, check=False))
        assert name in said
        assert "permission denied" in said.lower()
        assert not (tmp_path / "out").exists()
        (files / ".dockerignore").write_text("d\n")
        ladle("compile", files)
        (files / ".dockerignore").unlink()


WAITS = "FROM busybox\nRUN echo waiting && sleep 1.5\nCOPY a d /there/\nRUN cat /there/a /there/b > /both\n"


def while_it_waits(
    ladle: Ladle, busybox: Path, files: Path, out: Path, change: Callable[[], object]
) -> subprocess.CompletedProcess[bytes]:
    """Build, and change something when the step before the COPY runs."""
    process = ladle.start("build", f"--build-context=busybox=oci-layout://{busybox}", "-o", out, files)
    said = b""
    assert process.stderr is not None
    while b"| waiting" not in said and b" waiting\n" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    time.sleep(0.1)
    change()
    rest = process.communicate(timeout=60)
    return subprocess.CompletedProcess([], process.returncode, rest[0], said + rest[1])


def _made(path: Path, *, link: str = "") -> None:
    """Put a link or a directory in the place of a file."""
    path.unlink()
    if link:
        path.symlink_to(link)
    else:
        path.mkdir()


def _moved(path: Path, link: str) -> None:
    path.rename(path.with_name("e"))
    path.symlink_to(link)


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda files: (files / "a").write_text("B\n"),
    "longer": lambda files: (files / "a").write_text("longer\n"),
    "replaced": lambda files: (files / "a").rename(files / "c") and (files / "c").rename(files / "a"),
    "gone": lambda files: (files / "a").unlink(),
    "directory gone": lambda files: (files / "d").rename(files / "e"),
    "now a directory": lambda files: _made(files / "a"),
    "now a link": lambda files: _made(files / "a", link="/etc/hostname"),
    "directory a link": lambda files: _moved(files / "d", "/etc"),
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_context_that_changes_during_the_build(
    ladle: Ladle, busybox: Path, context: Context, tmp_path: Path, how: str
) -> None:
    files = context({"Dockerfile": WAITS, "a": "A\n", "d/b": "b\n"})
    done = while_it_waits(ladle, busybox, files, tmp_path / "out", lambda: CHANGES[how](files))
    if done.returncode:
        said = refused(done)
        assert any(words in said.lower() for words in ("changed", "vanished", "no such file", "not a directory")), said
    else:
        assert (tmp_path / "out" / "both").read_text() == "A\nb\n"
    assert check(str(ladle.store)) == []
    for place in (files / "a", files / "d", files / "e", files / "c"):
        if place.is_symlink() or place.exists():
            subprocess.run(["rm", "-rf", str(place)], check=True)
    (files / "d").mkdir()
    (files / "d" / "b").write_text("b\n")
    for text in ("A\n", "B\n"):
        (files / "a").write_text(text)
        ladle("build", f"--build-context=busybox=oci-layout://{busybox}", "-o", tmp_path / "out", files)
        assert (tmp_path / "out" / "both").read_text() == f"{text}b\n"
