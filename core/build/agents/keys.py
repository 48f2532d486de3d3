# SPDX-License-Identifier: Apache-2.0
"""An agent of our own for private keys in files: they stay in this process's memory, no step gets them."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError
from ladle.core.build.agents.messages import (
    FAILURE,
    IDENTITIES_ANSWER,
    REQUEST_IDENTITIES,
    SIGN_REQUEST,
    SIGN_RESPONSE,
    receive,
    send,
    take_text,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_KEY_BYTES = 64 << 10
"""Bytes of a private key's file."""
_RSA_SHA256, _RSA_SHA512 = 2, 4
_OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"


class Key:
    """A private key: the public `blob` by which clients ask for it, and how to sign with it."""

    def __init__(self, blob: bytes, comment: str, sign: Callable[[bytes, int], bytes]) -> None:
        self.blob = blob
        self.comment = comment
        self.sign = sign


class KeyAgent:
    """Lists keys and signs with them."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = keys

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with one client to its end."""
        while (message := await receive(reader)) is not None:
            await send(writer, self.answer(message))

    def answer(self, message: bytes) -> bytes:
        """Return the answer to one request; a failure to whatever it does not understand."""
        if message[0] == REQUEST_IDENTITIES:
            listed = [text(key.blob) + text(os.fsencode(key.comment)) for key in self._keys]
            return b"".join([bytes([IDENTITIES_ANSWER]), struct.pack(">I", len(listed)), *listed])
        if message[0] == SIGN_REQUEST:
            try:
                blob, rest = take_text(message[1:])
                data, rest = take_text(rest)
                (flags,) = struct.unpack(">I", rest)
            except (ValueError, struct.error):
                return bytes([FAILURE])
            for key in self._keys:
                if key.blob == blob:
                    return bytes([SIGN_RESPONSE]) + text(key.sign(data, flags))
        return bytes([FAILURE])


def read_key(id: str, path: str) -> Key:
    """Return the key in a file, in OpenSSH's form or PEM; raises `BuildError`, which never holds any of it."""
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError:
        raise BuildError(
            f"--ssh {id}: the key {path!r} cannot be read, as the package `cryptography` is not installed",
            code="LA0128",
            help="install it (pip install 'ladle[ssh]'), or add the key to ssh-agent and give the agent's socket",
        ) from None
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_KEY_BYTES + 1)
    except OSError as error:
        raise BuildError(f"--ssh {id}: cannot open {path!r}: {error.strerror}", code="LA0127") from error
    if len(data) > MAX_KEY_BYTES:
        raise BuildError(f"--ssh {id}: {path!r} is larger than 64 KiB, and so no private key", code="LA0128")
    load: Any = serialization.load_ssh_private_key if _OPENSSH in data else serialization.load_pem_private_key
    try:
        return _key(load(data, password=None), os.path.basename(path))
    except TypeError:  # how both of them say it
        raise _locked(id, path) from None
    except Exception as error:
        if "password" in str(error).lower() or "passphrase" in str(error).lower():
            raise _locked(id, path) from None
        raise BuildError(
            f"--ssh {id}: {path!r} is no private key that can be used",
            code="LA0128",
            help="give the file of an RSA, ECDSA or Ed25519 private key, not of its public half",
        ) from None


def _locked(id: str, path: str) -> BuildError:
    return BuildError(
        f"--ssh {id}: the key {path!r} is protected by a passphrase",
        code="LA0128",
        help=f"unlock it in ssh-agent (ssh-add {path}) and give the agent: --ssh {id}",
    )


def _key(private: Any, comment: str) -> Key:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    ssh = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    kinds = {
        ed25519.Ed25519PrivateKey: _ed25519_signature,
        rsa.RSAPrivateKey: _rsa_signature,
        ec.EllipticCurvePrivateKey: _ecdsa_signature,
    }
    signature = next((found for kind, found in kinds.items() if isinstance(private, kind)), None)
    if signature is None:
        raise ValueError("a key of another kind")
    blob = base64.b64decode(private.public_key().public_bytes(*ssh).split()[1])
    return Key(blob, comment, lambda data, flags: signature(private, blob, data, flags))


def _ed25519_signature(private: Any, _blob: bytes, data: bytes, _flags: int) -> bytes:
    return text(b"ssh-ed25519") + text(private.sign(data))


def _rsa_signature(private: Any, _blob: bytes, data: bytes, flags: int) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    name: bytes = b"ssh-rsa"
    algorithm: hashes.HashAlgorithm = hashes.SHA1()  # what the protocol means without a flag
    if flags & _RSA_SHA512:
        name, algorithm = b"rsa-sha2-512", hashes.SHA512()
    elif flags & _RSA_SHA256:
        name, algorithm = b"rsa-sha2-256", hashes.SHA256()
    return text(name) + text(private.sign(data, padding.PKCS1v15(), algorithm))


def _ecdsa_signature(private: Any, blob: bytes, data: bytes, _flags: int) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    by_size = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}
    parts = decode_dss_signature(private.sign(data, ec.ECDSA(by_size[private.curve.key_size])))
    numbers = [text(number.to_bytes(number.bit_length() // 8 + 1, "big")) for number in parts]
    return text(take_text(blob)[0]) + text(b"".join(numbers))
