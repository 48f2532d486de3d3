# SPDX-License-Identifier: Apache-2.0
"""Emulators of binfmt_misc, read as the kernel shows them, and what is said of a step that has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.api.platforms import local_platform, parse_platform
from ladle.core.build.emulation import Foreign, emulator_of, foreign, is_native

HEADS = {
    "aarch64": "7f454c460201010000000000000000000200b700",
    "arm": "7f454c4601010100000000000000000002002800",
    "s390x": "7f454c4602020100000000000000000000020016",
    "riscv64": "7f454c460201010000000000000000000200f300",
}
MASKS = {
    "aarch64": "ffffffffffffff00fffffffffffffffffeffffff",
    "arm": "ffffffffffffff00fffffffffffffffffeffffff",
    "s390x": "ffffffffffffff00fffffffffffffffffffeffff",
    "riscv64": "ffffffffffffff00fffffffffffffffffeffffff",
}
FAILED = BuildError("process failed", code="LA0400", notes=["a note"])


@pytest.fixture
def binfmt(tmp_path: Path) -> Path:
    """Return a directory as the kernel shows it with some of qemu's entries."""
    (tmp_path / "status").write_text("enabled\n")
    (tmp_path / "register").touch()
    for name in HEADS:
        add(tmp_path, f"qemu-{name}", name, "OCF")
    (tmp_path / "python3.11").write_text(
        "enabled\ninterpreter /usr/bin/python3.11\nflags: \noffset 0\nmagic a70d0d0a\n"
    )
    (tmp_path / "jar").write_text("enabled\ninterpreter /usr/bin/jar\nflags: \nextension .jar\n")
    return tmp_path


def add(directory: Path, entry: str, name: str, flags: str, state: str = "enabled") -> None:
    lines = [state, f"interpreter /usr/bin/qemu-{name}-static", f"flags: {flags}", "offset 0", f"magic {HEADS[name]}"]
    (directory / entry).write_text("\n".join([*lines, f"mask {MASKS[name]}"]) + "\n")


@pytest.mark.parametrize(
    ("platform", "entry"),
    [
        ("linux/arm64", "qemu-aarch64"),
        ("linux/arm/v7", "qemu-arm"),
        ("linux/arm/v5", "qemu-arm"),
        ("linux/s390x", "qemu-s390x"),
        ("linux/riscv64", "qemu-riscv64"),
        ("linux/ppc64le", ""),
        ("linux/wasm", ""),
        ("windows/arm64", ""),
    ],
)
def test_the_entry_that_takes_a_platforms_programs(binfmt: Path, platform: str, entry: str) -> None:
    found = emulator_of(parse_platform(platform), str(binfmt))
    assert (found.name if found else "") == entry
    assert found is None or found.fixed


def test_what_is_switched_off_does_not_count(binfmt: Path) -> None:
    arm64 = parse_platform("linux/arm64")
    add(binfmt, "qemu-aarch64", "aarch64", "F", "disabled")
    assert emulator_of(arm64, str(binfmt)) is None
    add(binfmt, "qemu-aarch64", "aarch64", "F")
    (binfmt / "status").write_text("disabled\n")
    assert emulator_of(arm64, str(binfmt)) is None
    assert emulator_of(arm64, str(binfmt / "nowhere")) is None


def test_a_held_open_interpreter_comes_first(binfmt: Path) -> None:
    add(binfmt, "a-first", "aarch64", "OC")
    found = emulator_of(parse_platform("linux/arm64"), str(binfmt))
    assert found is not None
    assert (found.name, found.interpreter) == ("qemu-aarch64", "/usr/bin/qemu-aarch64-static")


@pytest.mark.parametrize(
    "lines", ["magic zz\n", "magic 7f\nmask ff00\n", "offset -4\nmagic 7f\n", "offset 99\nmagic 7f\n", "magic \n", "\0"]
)
def test_entries_that_make_no_sense_take_nothing(tmp_path: Path, lines: str) -> None:
    (tmp_path / "status").write_text("enabled")
    (tmp_path / "odd").write_text(f"enabled\ninterpreter /x\nflags: F\n{lines}")
    assert emulator_of(parse_platform("linux/arm64"), str(tmp_path)) is None


def test_what_runs_by_itself() -> None:
    here = local_platform()
    assert is_native(here)
    assert foreign(here) is foreign(None) is None
    assert not is_native(parse_platform(f"windows/{here.architecture}"))
    assert not is_native(parse_platform("linux/s390x"))
    assert foreign(parse_platform("linux/s390x")) is not None


def test_a_refused_program_without_an_emulator(tmp_path: Path) -> None:
    step = Foreign(parse_platform("linux/arm64"), str(tmp_path))
    step.see(b"exec: /bin/sh: Exec for")
    step.see(b"mat error\n")
    error = step.failure(FAILED)
    assert error.code == "LA0407"
    assert "steps for linux/arm64 cannot run" in error.message
    assert "apt-get install qemu-user-static" in error.help


def test_a_step_that_fails_by_itself_is_left_alone(tmp_path: Path, binfmt: Path) -> None:
    step = Foreign(parse_platform("linux/arm64"), str(tmp_path / "nowhere"))
    step.see(b"no such thing\n")
    assert step.failure(FAILED) is FAILED
    emulated = Foreign(parse_platform("linux/arm64"), str(binfmt))
    emulated.see(b"exec format error")
    assert emulated.failure(FAILED) is FAILED


def test_an_interpreter_that_has_to_be_in_the_image(binfmt: Path) -> None:
    add(binfmt, "qemu-aarch64", "aarch64", "OC")
    error = Foreign(parse_platform("linux/arm64"), str(binfmt)).failure(FAILED)
    assert (error.message, error.code, error.notes[0]) == ("process failed", "LA0400", "a note")
    assert "/usr/bin/qemu-aarch64-static is registered as 'qemu-aarch64' without the flag F" in error.notes[1]


def test_another_system(tmp_path: Path) -> None:
    step = Foreign(parse_platform("windows/amd64"), str(tmp_path))
    step.see(b"Exec format error")
    assert "only steps for linux" in step.failure(FAILED).help
