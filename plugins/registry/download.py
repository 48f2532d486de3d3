# SPDX-License-Identifier: Apache-2.0
"""One blob on its way to a file: hashed as it comes, cut at its stated size, resumed after a break."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO, Self

from ladle.core.api.errors import BuildError
from ladle.core.oci.errors import digest_mismatch
from ladle.plugins.registry.errors import interrupted, too_long
from ladle.plugins.registry.retry import ATTEMPTS

if TYPE_CHECKING:
    import httpx

    from ladle.core.oci.documents import Descriptor

_RANGE = re.compile(r"bytes (\d+)-")


class Download:
    """The state of a transfer over several answers of the registry."""

    def __init__(
        self,
        descriptor: Descriptor,
        target: str,
        *,
        what: str,
        stop: threading.Event | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.received = 0
        self._descriptor = descriptor
        self._target = target
        self._what = what
        self._stop = stop
        self._progress = progress
        self._hash = sha256()
        self._file: BinaryIO
        self._last_break = "the registry closed the connection"

    def __enter__(self) -> Self:
        self._file = open(self._target, "wb", buffering=0)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def complete(self) -> bool:
        """Whether every stated byte is here."""
        return self.received == self._descriptor.size

    def receive(self, response: httpx.Response) -> None:
        """Take in one answer, to its end or to the stated size."""
        if self.received and not self._continues(response):
            self._restart()
        for part in response.iter_raw():
            if self._stop is not None and self._stop.is_set():
                raise BuildError(f"{self._what}: the transfer was cancelled", code="LA0207")
            if self.received + len(part) > self._descriptor.size:
                raise too_long(self._what, self._descriptor.size)
            self._file.write(part)
            self._hash.update(part)
            self.received += len(part)
            if self._progress is not None:
                self._progress(self.received)

    def broke_off(self, why: str) -> None:
        """Remember why the last answer ended early."""
        self._last_break = why

    def check_attempts(self, without_progress: int) -> None:
        """Give up after several attempts that brought nothing."""
        if without_progress >= ATTEMPTS:
            raise interrupted(self._what, self._last_break)

    def verify(self) -> None:
        """Compare the digest of everything that came; raises `BuildError` if it is another."""
        got = f"sha256:{self._hash.hexdigest()}"
        if got != self._descriptor.digest:
            raise digest_mismatch(self._what, got, self._descriptor.digest)

    def _continues(self, response: httpx.Response) -> bool:
        match = _RANGE.match(response.headers.get("content-range", ""))
        return response.status_code == 206 and match is not None and int(match[1]) == self.received

    def _restart(self) -> None:
        """Begin anew: the registry does not serve parts."""
        self._file.seek(0)
        self._file.truncate()
        self._hash = sha256()
        self.received = 0
