# SPDX-License-Identifier: Apache-2.0
"""Blobs by digest (implements `ladle.core.api.services.Blobs`): written to a temporary name, synced, renamed.

A blob's modification time is its seal, made from its digest: whatever writes to it later, or puts another file in its
place, breaks that. One without its seal is read through before it is used.
"""

from __future__ import annotations

import os
import time
from hashlib import file_digest, sha256

from ladle.core.store import errors
from ladle.core.store.locks import Lease, is_alive
from ladle.core.store.pins import blob_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ladle.core.store.pins import Pins

_HEX = frozenset("0123456789abcdef")
_SEAL_EPOCH = 10**9
_TOUCH_SECONDS = 600


class Blobs:
    """The directory `blobs/sha256` of a store, which is an OCI layout's."""

    def __init__(self, root: str, lease: Lease, pins: Pins) -> None:
        self._root = root
        self._lease = lease
        self._pins = pins

    def path(self, digest: str) -> str:
        """Return where the blob is or would be; raises `BuildError` for a malformed digest."""
        algorithm, _, digits = digest.partition(":")
        if algorithm != "sha256" or len(digits) != 64 or not _HEX.issuperset(digits):
            raise errors.bad_digest(digest)
        return f"{self._root}/blobs/sha256/{digits}"

    def has(self, digest: str) -> bool:
        """Say whether the blob is there, whole; it then stays for as long as this process lives.

        One that was changed since it was adopted is removed if it is not.
        """
        path = self.path(digest)
        try:
            sealed = os.stat(path).st_mtime_ns == _seal(digest)
        except OSError:
            return False
        if not (sealed or self.examine(digest)) or not self._pins.hold([blob_path(digest)]):
            return False
        self._used(path, digest)
        return True

    @staticmethod
    def _used(path: str, digest: str) -> None:
        """Note in the access time that a blob is used, if that was not noted lately."""
        try:
            if os.stat(path).st_atime < time.time() - _TOUCH_SECONDS:
                os.utime(path, ns=(time.time_ns(), _seal(digest)))
        except OSError:
            return

    def examine(self, digest: str) -> bool:
        """Read a blob through: seal it if it is what its digest says, else remove it. Says whether it is there then."""
        path = self.path(digest)
        try:
            with open(path, "rb", buffering=0) as file:
                if file_digest(file, "sha256").hexdigest() == digest[7:]:
                    self._renew(file.fileno(), digest)
                    return True
                if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                    os.unlink(path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise errors.from_os(self._root, error) from error
        return False

    def _renew(self, descriptor: int, digest: str) -> None:
        try:
            os.utime(descriptor, ns=(time.time_ns(), _seal(digest)))
        except OSError:
            return  # a store that cannot be written to: it is read through again next time

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
            self.examine(digest)
            raise errors.blob_damaged(digest)
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
        folder = f"{self._root}/tmp"
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
        except OSError as error:
            raise errors.from_os(self._root, error) from error
        return f"{folder}/{self._lease.name}.{os.urandom(8).hex()}"

    def adopt(self, path: str, digest: str) -> None:
        """Move a finished, already verified file in under its digest (fsync, rename)."""
        target = self.path(digest)
        self._pins.hold([blob_path(digest)], lambda _: True)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fchmod(descriptor, 0o644)
                os.utime(descriptor, ns=(time.time_ns(), _seal(digest)))
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


def _seal(digest: str) -> int:
    """Return the modification time of an adopted blob, in whole seconds, as every file system keeps them."""
    return (_SEAL_EPOCH + int(digest[7:13], 16)) * 10**9


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
