# SPDX-License-Identifier: Apache-2.0
"""The agent for keys in files: OpenSSH's own tools accept its keys and signatures."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.build.agents import keys
from ladle.core.build.agents.keys import KeyAgent, read_key
from ladle.core.build.agents.messages import FAILURE, IDENTITIES_ANSWER, SIGN_RESPONSE, take_text, text
from tests.support.agents import make_key, public


def signature(agent: KeyAgent, blob: bytes, data: bytes, flags: int = 0) -> bytes:
    answer = agent.answer(b"\x0d" + text(blob) + text(data) + struct.pack(">I", flags))
    assert answer[0] == SIGN_RESPONSE
    return take_text(answer[1:])[0]


@pytest.mark.parametrize(
    ("kind", "flags", "name"),
    [
        ("ed25519", 0, b"ssh-ed25519"),
        ("rsa", 2, b"rsa-sha2-256"),
        ("rsa", 4, b"rsa-sha2-512"),
        ("ecdsa", 0, b"ecdsa-sha2-nistp256"),
    ],
)
def test_signatures_are_what_openssh_verifies(tmp_path: Path, kind: str, flags: int, name: bytes) -> None:
    path = make_key(tmp_path, kind)
    key = read_key("a", str(path))
    wanted = text(b"test") + text(b"") + text(b"sha512")
    import hashlib

    signed = b"SSHSIG" + wanted + text(hashlib.sha512(b"hello").digest())
    made = signature(KeyAgent([key]), key.blob, signed, flags)
    assert take_text(made)[0] == name
    import base64

    body = b"SSHSIG" + struct.pack(">I", 1) + text(key.blob) + wanted + text(made)
    armored = base64.encodebytes(body).decode()
    (tmp_path / "sig").write_text(f"-----BEGIN SSH SIGNATURE-----\n{armored}-----END SSH SIGNATURE-----\n")
    (tmp_path / "who").write_text(f"me {public(path)}\n")
    command = ["ssh-keygen", "-Y", "verify", "-f", tmp_path / "who", "-I", "me", "-n", "test", "-s", tmp_path / "sig"]
    done = subprocess.run([*map(str, command)], input=b"hello", capture_output=True, check=False)
    assert b"Good" in done.stdout, done


def test_keys_are_listed(tmp_path: Path) -> None:
    agent = KeyAgent([read_key("a", str(make_key(tmp_path, name=name))) for name in ("one", "two")])
    answer = agent.answer(b"\x0b")
    assert answer[:5] == bytes([IDENTITIES_ANSWER]) + struct.pack(">I", 2)
    assert b"one" in answer
    assert b"two" in answer


@pytest.mark.parametrize(
    "message", [b"\x11rest", b"\x0d", b"\x0d\0\0\0\x09x", b"\x0d" + text(b"other") + text(b"") + bytes(4)]
)
def test_everything_else_fails(tmp_path: Path, message: bytes) -> None:
    assert KeyAgent([read_key("a", str(make_key(tmp_path)))]).answer(message) == bytes([FAILURE])


@pytest.mark.parametrize("form", ["RFC4716", "PEM"])
def test_a_passphrase_is_an_error_that_says_what_to_do(tmp_path: Path, form: str) -> None:
    path = make_key(tmp_path, "rsa", passphrase="a-passphrase")
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-m", form, "-P", "a-passphrase", "-N", "a-passphrase", "-f", str(path)],
        check=True,
        capture_output=True,
    )
    with pytest.raises(BuildError, match="protected by a passphrase") as caught:
        read_key("a", str(path))
    assert "ssh-add" in caught.value.help


def test_what_is_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_key(tmp_path)
    with pytest.raises(BuildError, match="is no private key"):
        read_key("a", f"{path}.pub")
    with pytest.raises(BuildError, match="No such file"):
        read_key("a", str(tmp_path / "lost"))
    monkeypatch.setitem(__import__("sys").modules, "cryptography.hazmat.primitives", None)
    with pytest.raises(BuildError, match="`cryptography` is not installed"):
        read_key("a", str(path))


def test_a_key_has_a_size(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(keys.MAX_KEY_BYTES + 1))
    with pytest.raises(BuildError, match="larger than 64 KiB"):
        read_key("a", str(large))
