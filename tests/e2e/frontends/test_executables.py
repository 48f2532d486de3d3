# SPDX-License-Identifier: Apache-2.0
"""Frontends that are executable files: scripts of the machine's interpreters and programs without any."""

from __future__ import annotations

import io
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

import msgpack
import pytest

from tests.support.command import Ladle

Write = Callable[..., Path]
DONE = {"done": {"graph": {"results": [["linux/amd64"]]}, "images": [{"platform": "linux/amd64"}]}}


def printed(message: object) -> str:
    """Return a message's frame as printf of any shell writes it."""
    body = msgpack.packb(message)
    return "".join(f"\\{byte:03o}" for byte in len(body).to_bytes(4) + body)


SHELL = f"""#!/bin/sh
# Looks for the build file's word in the first message, and answers with an empty tree.
dd bs=65536 count=1 <&3 2>/dev/null | grep -q SESAME || exit 7
printf '{printed(DONE)}' >&"$LADLE_FRONTEND_FD"
"""
PEEK = """#!/bin/sh
for path in "$0" /usr/bin/env /etc/passwd /etc/hostname /home STORE; do
    [ -e "$path" ] && echo "sees $path"
done
[ -w / ] || [ -w /usr ] || [ -w "$0" ] || echo "writes nothing"
ls -A /frontend
exit 9
"""


@pytest.fixture
def build_file(context: Write) -> Callable[..., Path]:
    """Return a function that writes a context whose build file asks for an executable frontend."""

    def write(text: str, *, mode: int = 0o755, name: str = "it") -> Path:
        directory = context({"Dockerfile": f"# syntax=./tools/{name}\nSESAME\n", f"tools/{name}": text})
        (directory / "tools" / name).chmod(mode)
        return directory

    return write


def test_a_shell_script(ladle: Ladle, build_file: Callable[..., Path]) -> None:
    directory = build_file(SHELL)
    done = ladle("build", "-o", "-", directory)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        assert tar.getnames() == []
    (directory / "Dockerfile").write_text("# syntax=./tools/it\n")
    said = ladle("build", directory, check=False).stderr.decode()
    assert "the frontend './tools/it' ended with code 7 before it had answered" in said


def test_an_ordinary_user_s_too(user_ladle: Ladle, tmp_path: Path, user_home: Path) -> None:
    directory = user_home / "context"
    directory.mkdir()
    (directory / "Dockerfile").write_text("# syntax=./it\nSESAME\n")
    (directory / "it").write_text(SHELL)
    (directory / "it").chmod(0o755)
    user_ladle("build", directory)


def test_what_a_script_sees_of_the_machine(ladle: Ladle, build_file: Callable[..., Path]) -> None:
    directory = build_file(PEEK.replace("STORE", str(ladle.store)))
    said = ladle("build", directory, check=False).stderr.decode()
    seen = [line for line in said.splitlines() if line.startswith("frontend | ")]
    assert seen == [
        "frontend | sees /frontend/it",
        "frontend | sees /usr/bin/env",
        "frontend | writes nothing",
        "frontend | it",
    ]


def tiny_program(exit_code: int, output: bytes) -> bytes:
    """Return a static x86-64 program that writes `output` to descriptor 3 and exits: an ELF header and 40 bytes."""
    base = 0x400000
    start = 64 + 56
    code = bytes.fromhex("b801000000bf03000000") + b"\xbe" + struct.pack("<I", base + start + 40)
    code += b"\xba" + struct.pack("<I", len(output)) + bytes.fromhex("0f05b83c000000bf")
    code += struct.pack("<I", exit_code) + bytes.fromhex("0f05")
    code = code.ljust(40, b"\x90") + output
    size = start + len(code)
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, base + start, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000) + code


def test_a_static_program(ladle: Ladle, build_file: Callable[..., Path]) -> None:
    directory = build_file("")
    body = msgpack.packb(DONE)
    (directory / "tools/it").write_bytes(tiny_program(0, len(body).to_bytes(4) + body))
    ladle("build", directory)
    (directory / "tools/it").write_bytes(tiny_program(5, b""))
    assert "ended with code 5" in ladle("build", directory, check=False).stderr.decode()


def test_mistakes(ladle: Ladle, build_file: Callable[..., Path]) -> None:
    said = ladle("build", build_file("#!/bin/sh\n", mode=0o644), check=False).stderr.decode()
    assert "error[LA0142]: cannot read the frontend './tools/it': it is neither a Python file nor executable" in said
    said = ladle("build", build_file("#!/no/such/interpreter\n"), check=False).stderr.decode()
    assert "cannot start the frontend" in said
