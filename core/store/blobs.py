# SPDX-License-Identifier: Apache-2.0
"""Blobs by digest (implements `ladle.core.api.services.Blobs`): written to a temporary name, synced, renamed."""

from __future__ import annotations

import os
from hashlib import sha256

from ladle.core.store import errors
from ladle.core.store.locks import Lease, is_alive

_HEX = frozenset("0123456789abcdef")


class Blobs:
    """The directory `blobs/sha256` of a store, which is an OCI layout's."""

    def __init__(self, root: str, lease: Lease) -> None:
        self._root = root
        self._lease = lease

    def path(self, digest: str) -> str:
        """Return where the blob is or would be; raises `BuildError` for a malformed digest."""
        algorithm, _, digits = digest.partition(":")
        if algorithm != "sha256" or len(digits) != 64 or not _HEX.issuperset(digits):
            raise errors.bad_digest(digest)
        return f"{self._root}/blobs/sha256/{digits}"

    def has(self, digest: str) -> bool:
        """Say whether the blob is there."""
        return os.path.exists(self.path(digest))

    def read(self, digest: str, *, limit: int = 16 << 20) -> bytes:
        """Return a small blob's bytes, verified; raises `BuildError` if absent, larger than `limit` or damaged."""
        path = self.path(digest)
        try:
            with open(path, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size > limit:
                    raise errors.blob_large(digest, size, limit)
                data = file.read(limit + 1)
        except FileNotFoundError:
            raise errors.blob_absent(digest) from None
        except OSError as error:
            raise errors.from_os(self._root, error) from error
        if "sha256:" + sha256(data).hexdigest() != digest:
            raise errors.blob_damaged(digest, path)
        return data

    def put(self, data: bytes) -> str:
        """Store bytes and return their digest."""
        digest = "sha256:" + sha256(data).hexdigest()
        if not self.has(digest):
            path = self.temporary()
            try:
                with open(path, "xb") as file:
                    file.write(data)
                self.adopt(path, digest)
            except OSError as error:
                _remove(path)
                raise errors.from_os(self._root, error) from error
        return digest

    def temporary(self) -> str:
        """Return a fresh path on the same file system to write a blob to before `adopt`."""
        return f"{self._root}/tmp/{self._lease.name}.{os.urandom(8).hex()}"

    def adopt(self, path: str, digest: str) -> None:
        """Move a finished, already verified file in under its digest (fsync, rename)."""
        target = self.path(digest)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fchmod(descriptor, 0o644)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(path, target)
        except OSError as error:
            raise errors.from_os(self._root, error) from error

    def sweep(self) -> None:
        """Remove temporary files whose owner died."""
        alive: dict[str, bool] = {}
        for name in os.listdir(f"{self._root}/tmp"):
            lease, dot, _ = name.partition(".")
            if not dot or not lease.startswith("lease-"):
                continue
            if lease not in alive:
                alive[lease] = is_alive(self._root, lease)
            if not alive[lease]:
                _remove(f"{self._root}/tmp/{name}")


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
