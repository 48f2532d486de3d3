# SPDX-License-Identifier: Apache-2.0
"""Reading OCI image layouts: directories with `oci-layout`, `index.json` and `blobs/`."""

from __future__ import annotations

import os
import re
from hashlib import sha256

from ladle.core.api.errors import BuildError
from ladle.core.oci.documents import MANIFEST_LIMIT, Descriptor, Index, is_digest, read_document
from ladle.core.oci.errors import bad_layout, digest_mismatch, no_such_image, too_large
from ladle.core.oci.media import OCI_INDEX

REF_NAME = "org.opencontainers.image.ref.name"
IMAGE_NAME = "io.containerd.image.name"
_NAME = re.compile(
    r"(?P<name>[^@]+?)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def split_layout_name(text: str) -> tuple[str, str, str]:
    """Return name (or directory), tag and digest of `NAME[:tag][@digest]`, "" for what is not there."""
    match = _NAME.fullmatch(text)
    if match is None:
        raise BuildError(f"{text!r} is not NAME[:tag][@sha256:…]", code="LA0246")
    return match["name"], match["tag"] or "", match["digest"] or ""


class Layout:
    """A layout in a directory; nothing in it is believed before its digest is checked."""

    def __init__(self, path: str) -> None:
        self.path = path
        if not os.path.isdir(path):
            raise bad_layout(path, "no such directory")
        if not os.path.isfile(f"{path}/index.json"):
            raise bad_layout(path, "there is no index.json in it")

    def find(self, tag: str = "", digest: str = "") -> Descriptor:
        """Return the entry of a digest or a tag; with neither the only one, or `latest` among several."""
        index = self.index()
        if digest:
            return self._by_digest(index, digest)
        entries = [entry for entry in index.manifests if not entry.is_attestation]
        if not tag and len(entries) == 1:
            return entries[0]
        wanted = tag or "latest"
        for entry in entries:
            if wanted in _tags(entry):
                return entry
        raise no_such_image(
            self.path, wanted, sorted({tag for entry in entries for tag in _tags(entry) if "/" not in tag})
        )

    def index(self) -> Index:
        """Return `index.json`."""
        with open(f"{self.path}/index.json", "rb") as file:
            data = file.read(MANIFEST_LIMIT + 1)
        document = read_document(data, what=f"{self.path}/index.json", media_type=OCI_INDEX)
        if not isinstance(document, Index):
            raise bad_layout(self.path, "index.json is not an index")
        return document

    def blob_path(self, digest: str) -> str:
        """Return where a blob is; raises `BuildError` for a malformed digest or a blob that is not there."""
        if not is_digest(digest):
            raise bad_layout(self.path, f"{digest!r} is not a sha256 digest")
        path = f"{self.path}/blobs/sha256/{digest.removeprefix('sha256:')}"
        if not os.path.isfile(path):
            raise bad_layout(self.path, f"blob {digest} is missing")
        return path

    def read(self, digest: str, *, limit: int = MANIFEST_LIMIT) -> bytes:
        """Return a small blob's bytes, verified."""
        path = self.blob_path(digest)
        with open(path, "rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise too_large(f"{self.path}: {digest}", os.path.getsize(path), limit)
        got = f"sha256:{sha256(data).hexdigest()}"
        if got != digest:
            raise digest_mismatch(f"{self.path}: blob", got, digest)
        return data

    def _by_digest(self, index: Index, digest: str) -> Descriptor:
        for entry in index.manifests:
            if entry.digest == digest:
                return entry
        size = os.path.getsize(self.blob_path(digest))
        return Descriptor(media_type="", digest=digest, size=size)


def _tags(entry: Descriptor) -> set[str]:
    """Return the names that an entry answers to: the whole one, and its tag."""
    names = {entry.annotations.get(REF_NAME, ""), entry.annotations.get(IMAGE_NAME, "")} - {""}
    return names | {name.rsplit(":", 1)[1] for name in names if ":" in name.rsplit("/", 1)[-1]}
