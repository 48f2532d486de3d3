# SPDX-License-Identifier: Apache-2.0
"""`http://` and `https://`: one file by URL (FEATURES SO-06, LLB-09).

With `http.checksum` the key needs no network. Without it the server is asked each build, by `If-None-Match` where it
gave an ETag; what it answers is verified, kept, and its digest is the key.
"""

from __future__ import annotations

import json
import os
from email.message import Message
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote, urlsplit

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.api.source import Pin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ladle.core.api.frontend import ResolvedImage
    from ladle.core.api.refs import Ref
    from ladle.core.api.services import Services
    from ladle.llb.ops import Platform, SourceOp

_FACT = "http"
DOWNLOAD_LIMIT = 64 << 30
"""Bytes of a download."""
SILENT_SECONDS = 30.0
"""How long a server may say nothing."""
MAX_REDIRECTS = 10
_DEFAULT_MODE = 0o600
_SENT_HEADERS = ("accept", "user-agent")


class HttpSource:
    """Files by URL."""

    SCHEMES: ClassVar[tuple[str, ...]] = ("http", "https")

    def __init__(self, services: Services) -> None:
        self._services = services
        self._asked: dict[str, dict[str, Any]] = {}
        """What servers answered in this build."""

    def resolve(self, ref: str, *, platform: Platform, scheme: str) -> ResolvedImage:  # noqa: ARG002 (the contract's)
        """Refuse: a file is no image."""
        raise BuildError(f"{scheme}://{ref} is a file, not an image", code="LA0218")

    def pin(self, op: SourceOp, platform: Platform | None) -> Pin:  # noqa: ARG002 (the contract's)
        """Return the file's identity: digest, name, mode and owner; downloads it unless it is kept already."""
        known = self._present(op)
        name = _safe_name(op.attr("http.filename") or known.get("name", "") or _name_of(op.identifier))
        mode = int(op.attr("http.perm") or _DEFAULT_MODE)
        identity = [known["digest"], name, mode, known["mtime"]]
        key = sha256(json.dumps(identity).encode()).hexdigest()[:32]
        return Pin(key=key, ref=self._tree(key, known, name, mode))

    def date(self, op: SourceOp) -> int | None:
        """Return the time of the Last-Modified header, else the newest in an archive."""
        from ladle.core.layers.archive_dates import newest_entry

        known = self._present(op)
        return known["mtime"] or newest_entry(self._blob(known["digest"]))

    def _present(self, op: SourceOp) -> dict[str, Any]:
        """Return what is known of a file, which is in the store then; the server is asked at most once a build."""
        url, wanted = op.identifier, op.attr("http.checksum")
        known = self._asked.get(url) or self._known(url)
        if url not in self._asked and not (
            wanted and known.get("digest") == wanted and os.path.exists(self._blob(wanted))
        ):
            known = self._asked[url] = self._download(url, op, known)
        if wanted and known["digest"] != wanted:
            raise BuildError(
                f"digest mismatch for {_shown(url)}: {known['digest']} (expected: {wanted})",
                code="LA0241",
                help="give the digest of the file that you trust, or fetch it from elsewhere",
            )
        return known

    async def fetch(self, op: SourceOp, platform: Platform | None, pin: Pin) -> Ref:  # noqa: ARG002 (the contract's)
        """Return the ref that the pin already has."""
        if pin.ref is None:
            raise InternalError(f"{op.identifier}: the pin of a download has no ref")
        return pin.ref

    def _tree(self, key: str, known: Mapping[str, Any], name: str, mode: int) -> Ref:
        from ladle.core.build.downloads import kept_tree

        def make(directory: str) -> None:
            target = f"{directory}/{name}"
            with open(self._blob(known["digest"]), "rb") as source, open(target, "xb") as copy:
                while part := source.read(1 << 20):
                    copy.write(part)
            os.chmod(target, mode)
            os.utime(target, (known["mtime"], known["mtime"]))

        return kept_tree(self._services, key, make)

    def _blob(self, digest: str) -> str:
        return self._services.blobs.path(digest)

    def _known(self, url: str) -> dict[str, Any]:
        data = self._services.facts.get(_FACT, url)
        found: dict[str, Any] = json.loads(data) if data else {}
        return found

    def _download(self, url: str, op: SourceOp, known: dict[str, Any]) -> dict[str, Any]:
        present = bool(known) and self._services.blobs.has(known["digest"])
        if self._services.offline:
            if present:
                return known
            raise BuildError(f"{url} is not in the store, and --offline was given", code="LA0242")
        import httpx

        headers = {name: op.attr(f"http.header.{name}") for name in _SENT_HEADERS if op.attr(f"http.header.{name}")}
        headers.setdefault("user-agent", "ladle")
        headers["accept-encoding"] = "identity"
        if present and known.get("etag"):
            headers["if-none-match"] = known["etag"]
        loopback = (urlsplit(url).hostname or "") in ("localhost", "127.0.0.1", "::1")
        try:
            with (
                httpx.Client(
                    timeout=SILENT_SECONDS, follow_redirects=True, max_redirects=MAX_REDIRECTS, trust_env=not loopback
                ) as client,
                client.stream("GET", url, headers=headers) as answer,
            ):
                if answer.status_code == httpx.codes.NOT_MODIFIED and present:
                    return known
                if answer.status_code != httpx.codes.OK:
                    raise BuildError(
                        f"{_shown(url)}: the server answered {answer.status_code} {answer.reason_phrase}", code="LA0243"
                    )
                fresh = self._keep(url, answer)
        except httpx.HTTPError as error:
            raise BuildError(f"{_shown(url)} cannot be fetched: {error}", code="LA0243") from None
        if fresh != known:
            self._services.facts.put(_FACT, url, json.dumps(fresh).encode())
        return fresh

    def _keep(self, url: str, answer: Any) -> dict[str, Any]:
        blobs = self._services.blobs
        digest, size = sha256(), 0
        path = blobs.temporary()
        try:
            with open(path, "wb") as file:
                for part in answer.iter_raw(1 << 20):
                    size += len(part)
                    if size > DOWNLOAD_LIMIT:
                        raise BuildError(f"{_shown(url)} is larger than {DOWNLOAD_LIMIT} bytes", code="LA0244")
                    digest.update(part)
                    file.write(part)
            expected = answer.headers.get("content-length", "")
            if expected.isdigit() and int(expected) != size:
                raise BuildError(f"{_shown(url)}: the connection ended after {size} of {expected} bytes", code="LA0243")
            name = f"sha256:{digest.hexdigest()}"
            blobs.adopt(path, name)
        except BaseException:
            if os.path.exists(path):
                os.unlink(path)
            raise
        return {
            "digest": name,
            "etag": answer.headers.get("etag", ""),
            "mtime": _modified(answer.headers),
            "name": _disposition(answer.headers.get("content-disposition", "")),
        }


def _modified(headers: Mapping[str, str]) -> int:
    """Return the time of the file in seconds: Last-Modified, or 0, as it must be the same in every build."""
    try:
        return max(0, int(parsedate_to_datetime(headers.get("last-modified", "")).timestamp()))
    except (TypeError, ValueError, OverflowError):
        return 0


def _disposition(text: str) -> str:
    """Return the file name of a Content-Disposition header, "" without one."""
    if not text:
        return ""
    message = Message()
    message["content-disposition"] = text
    try:
        return (message.get_filename() or "").replace("\\", "/").rpartition("/")[2]
    except (ValueError, LookupError):
        return ""


def _name_of(url: str) -> str:
    return unquote(urlsplit(url).path).rpartition("/")[2] or "__unnamed__"


def _safe_name(name: str) -> str:
    base = name.rpartition("/")[2]
    if base in ("", ".", "..") or "\0" in base or len(os.fsencode(base)) > 255:
        raise BuildError(f"{name!r} is no file name", code="LA0245")
    return base


def _shown(url: str) -> str:
    """Return a URL without the credentials in it."""
    parts = urlsplit(url)
    return url if "@" not in parts.netloc else url.replace(parts.netloc, parts.netloc.rpartition("@")[2], 1)
