# SPDX-License-Identifier: Apache-2.0
"""The source: a suite is pinned by the digest of its release file, which names every package by its digest.

So a tree is made once for each release of the suite; an unchanged one costs a request for the release file a build.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import TYPE_CHECKING, ClassVar

from ladle.core.api.frontend import ResolvedImage
from ladle.core.api.source import Pin
from ladle.core.build.tar_layer import tar_layer
from ladle.core.build.threads import in_thread
from ladle_debian import errors
from ladle_debian.reference import Reference, architecture, parse

if TYPE_CHECKING:
    from ladle.core.api.refs import Ref
    from ladle.core.api.services import Services
    from ladle.llb.ops import Platform, SourceOp

_FORM = "1"
"""Part of every key: changed when the same release gives another tree."""
_RELEASES = "debian-release"
RELEASE_LIMIT = 16 << 20
"""Bytes of a release file."""
SILENT_SECONDS = 30.0
"""How long a mirror may say nothing."""
BOOTSTRAP_SECONDS = 3600
"""How long mmdebstrap may take."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SAID_BYTES = 16 << 10


class DebianSource:
    """Root file systems by suite and mirror."""

    SCHEMES: ClassVar[tuple[str, ...]] = ("debian",)
    VERSION: ClassVar[str] = _FORM

    def __init__(self, services: Services) -> None:
        self._services = services
        self._digests: dict[str, str] = {}
        """What releases were in this build."""
        self._lock = threading.Lock()

    def resolve(self, ref: str, *, platform: Platform, scheme: str) -> ResolvedImage:
        """Pin a suite, and say what an image of it is like: a shell, and nothing else that Debian does not say."""
        wanted = parse(ref)
        architecture(platform)
        digest = self._digest(wanted)
        created = datetime.fromtimestamp(self._epoch(digest), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        config = {
            "architecture": platform.architecture,
            "os": platform.os,
            **({"variant": platform.variant} if platform.variant else {}),
            "config": {"Env": [f"PATH={_PATH}"], "Cmd": ["/bin/sh"]},
            "created": created,
            "history": [{"created": created, "created_by": f"{scheme}://{wanted.pinned(digest)}"}],
        }
        return ResolvedImage(
            name=ref,
            scheme=scheme,
            pinned=wanted.pinned(digest),
            digest=digest,
            config=json.dumps(config, sort_keys=True).encode(),
            platform=platform,
        )

    def pin(self, op: SourceOp, platform: Platform | None) -> Pin:
        """Return the identity of the tree: the release, the options and the architecture."""
        wanted = parse(op.ref)
        text = f"{_FORM} {wanted.pinned(self._digest(wanted))} {architecture(_or_here(platform))}"
        return Pin(key=f"debian {sha256(text.encode()).hexdigest()}")

    def date(self, op: SourceOp) -> int | None:
        """Return when the release was made."""
        return self._epoch(self._digest(parse(op.ref)))

    async def fetch(self, op: SourceOp, platform: Platform | None, pin: Pin) -> Ref:
        """Make the tree with mmdebstrap, from the release that is pinned and no other."""
        wanted = parse(op.ref)
        digest = self._digest(wanted)
        known = (self._services.facts.get("debian-tree", pin.key) or b"").decode()
        if known and os.path.isdir(f"{self._services.root}/snapshots/{known}"):
            return {"kind": "layers", "layers": [known]}
        if self._services.offline:
            raise errors.offline(op.ref)
        path = self._services.blobs.temporary()
        stop = threading.Event()
        try:
            await in_thread(lambda: self._bootstrap(wanted, digest, architecture(_or_here(platform)), path, stop))
            made = await tar_layer(self._services, op.identifier, path)
        finally:
            stop.set()
            if os.path.lexists(path):
                os.unlink(path)
        self._services.facts.put("debian-tree", pin.key, made["layers"][0].encode())
        return made

    def _digest(self, wanted: Reference) -> str:
        """Return the digest of the release: pinned, this build's earlier answer, or what the mirror has now."""
        if wanted.digest:
            return wanted.digest
        with self._lock:
            if wanted.release not in self._digests:
                self._digests[wanted.release] = self._asked(wanted)
            return self._digests[wanted.release]

    def _asked(self, wanted: Reference) -> str:
        facts = self._services.facts
        if self._services.offline:
            known = facts.get(_RELEASES, wanted.release)
            if known is None:
                raise errors.offline(wanted.suite)
            return known.decode()
        data = _release(wanted)
        digest = f"sha256:{sha256(data).hexdigest()}"
        epoch = str(_date(data)).encode()
        if facts.get(_RELEASES, wanted.release) != digest.encode() or facts.get(_RELEASES, digest) != epoch:
            facts.put(_RELEASES, digest, epoch)
            facts.put(_RELEASES, wanted.release, digest.encode())
        return digest

    def _epoch(self, digest: str) -> int:
        """Return the date of a release; 0 for one that was pinned by hand and has not been seen."""
        return int(self._services.facts.get(_RELEASES, digest) or b"0")

    def _bootstrap(self, wanted: Reference, digest: str, arch: str, path: str, stop: threading.Event) -> None:
        """Write the tar of the tree. The release is looked at before and after: apt fetches it by itself."""
        tool = shutil.which("mmdebstrap", path=_PATH)
        if tool is None:
            raise errors.no_tool("mmdebstrap")
        data = _release(wanted)
        command = [tool, "--quiet", f"--variant={wanted.variant}", f"--architectures={arch}", "--format=tar"]
        command += [f"--mode={'root' if os.geteuid() == 0 else 'unshare'}"]
        if wanted.include:
            command.append(f"--include={','.join(wanted.include)}")
        environment = {"PATH": _PATH, "SOURCE_DATE_EPOCH": str(_date(data)), "LC_ALL": "C.UTF-8"}
        with tempfile.TemporaryDirectory(prefix="ladle-debian-") as folder, open(path, "wb") as tar:
            environment["TMPDIR"] = environment["HOME"] = folder
            os.chmod(folder, 0o755)
            if f"sha256:{sha256(data).hexdigest()}" != digest:
                raise errors.moved(wanted.suite)
            command += [wanted.suite.rstrip("/") or wanted.suite, "-", wanted.sources]
            status, said = _run(command, environment, tar.fileno(), f"{folder}/said", stop)
        if status:
            raise errors.failed(wanted.suite, status, said)
        if _release(wanted) != data:
            raise errors.moved(wanted.suite)


def _run(command: list[str], environment: dict[str, str], out: int, log: str, stop: threading.Event) -> tuple[int, str]:
    """Run a command until it ends, or is to stop; returns its status and the end of what it said."""
    with open(log, "wb") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=said, env=environment, start_new_session=True
        )
    until = time.monotonic() + BOOTSTRAP_SECONDS
    while process.poll() is None:
        if stop.is_set() or time.monotonic() > until:
            process.terminate()  # mmdebstrap unmounts and cleans up
            process.wait()
            break
        stop.wait(0.05)
    with open(log, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _SAID_BYTES))
        return process.returncode, file.read().decode(errors="replace")


def _release(wanted: Reference) -> bytes:
    """Return the suite's release file, signed or, where signatures do not matter, plain."""
    names = ("InRelease", "Release") if wanted.trusted else ("InRelease",)
    for name in names:
        data = _get(wanted.release + name, absent_is_none=name != names[-1])
        if data is not None:
            return data
    raise errors.no_release(wanted.release, "there is none")


def _get(url: str, *, absent_is_none: bool) -> bytes | None:
    import httpx

    local = (httpx.URL(url).host) in ("localhost", "127.0.0.1", "::1")
    parts, size = [], 0
    try:
        with (
            httpx.Client(timeout=SILENT_SECONDS, follow_redirects=True, trust_env=not local) as client,
            client.stream("GET", url, headers={"user-agent": "ladle-debian"}) as answer,
        ):
            if answer.status_code == httpx.codes.NOT_FOUND and absent_is_none:
                return None
            if answer.status_code != httpx.codes.OK:
                raise errors.no_release(url, f"the server answered {answer.status_code} {answer.reason_phrase}")
            for part in answer.iter_bytes(1 << 16):
                size += len(part)
                if size > RELEASE_LIMIT:
                    raise errors.no_release(url, f"it is larger than {RELEASE_LIMIT} bytes")
                parts.append(part)
    except httpx.HTTPError as error:
        raise errors.no_release(url, str(error)) from None
    return b"".join(parts)


def _date(release: bytes) -> int:
    """Return the `Date` of a release file in seconds, 0 where it has none."""
    match = re.search(rb"^Date:[ \t]*(\S[^\r\n]*)$", release, re.MULTILINE)
    try:
        return int(parsedate_to_datetime(match[1].decode()).timestamp()) if match else 0
    except (ValueError, OverflowError, UnicodeDecodeError):
        return 0


def _or_here(platform: Platform | None) -> Platform:
    if platform is not None:
        return platform
    from ladle.core.api.platforms import local_platform

    return local_platform()
