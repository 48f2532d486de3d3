# SPDX-License-Identifier: Apache-2.0
"""Writing a layout: all of it into a tar, or into a directory beside what is there already."""

from __future__ import annotations

import json
import os
import threading
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError
from ladle.core.build.threads import in_thread
from ladle.core.oci.layout import IMAGE_NAME, REF_NAME
from ladle.plugins.exporters.archive import ArchiveWriter, copy_data
from ladle.plugins.exporters.layout_documents import LAYOUT_FILE, docker_manifest_file, index_entries, index_file
from ladle.plugins.exporters.output import open_output, stat_record

if TYPE_CHECKING:
    from ladle.core.api.services import Services
    from ladle.plugins.exporters.image_parts import Fields, MadeImages

_CHUNK = 1 << 20


async def write_archive(services: Services, made: MadeImages, dest: str, *, docker: bool) -> dict[str, list[int]]:
    """Write a tar with the layout; return the file's stat record, nothing for standard output or a device."""
    stop = threading.Event()
    try:
        return await in_thread(lambda: _archive(services, made, dest, docker, stop))
    finally:
        stop.set()


async def write_directory(services: Services, made: MadeImages, dest: str) -> dict[str, list[int]]:
    """Write the layout to a directory; images under other names that are there stay. Return the stat records."""
    stop = threading.Event()
    try:
        return await in_thread(lambda: _directory(services, made, dest, stop))
    finally:
        stop.set()


def _archive(
    services: Services, made: MadeImages, dest: str, docker: bool, stop: threading.Event
) -> dict[str, list[int]]:
    with open_output(dest) as output:
        archive = ArchiveWriter(output.fd, stop)
        archive.add_directory("blobs/")
        archive.add_directory("blobs/sha256/")
        for digest, size in made.blobs().items():
            archive.add_file(f"blobs/{digest.replace(':', '/')}", services.blobs.path(digest), size)
        archive.add_bytes("index.json", index_file(index_entries(made)))
        if docker:
            archive.add_bytes("manifest.json", docker_manifest_file(made))
        archive.add_bytes("oci-layout", LAYOUT_FILE)
        archive.close()
    path = os.path.realpath(dest)
    return {path: stat_record(path)} if output.regular else {}


def _directory(services: Services, made: MadeImages, dest: str, stop: threading.Event) -> dict[str, list[int]]:
    written = []
    try:
        os.makedirs(f"{dest}/blobs/sha256", exist_ok=True)
    except OSError as error:
        raise BuildError(f"cannot write {dest}: {error.strerror}", code="LA0224") from error
    for digest, size in made.blobs().items():
        path = f"{dest}/blobs/{digest.replace(':', '/')}"
        written.append(path)
        if _is_whole(path, digest, size, stop):
            continue
        with open_output(path) as output, open(services.blobs.path(digest), "rb") as source:
            copy_data(source.fileno(), output.fd, size, stop)
    entries = index_entries(made)
    for name, data in (("oci-layout", LAYOUT_FILE), ("index.json", index_file(_kept(dest, entries) + entries))):
        written.append(f"{dest}/{name}")
        with open_output(f"{dest}/{name}") as output:
            os.write(output.fd, data)
    return {path: stat_record(path) for path in written}


def _is_whole(path: str, digest: str, size: int, stop: threading.Event) -> bool:
    """Say whether a blob lies in the layout already; one that is not what its name says is to be written again."""
    try:
        with open(path, "rb", buffering=0) as file:
            if os.fstat(file.fileno()).st_size != size:
                return False
            found = sha256()
            while not stop.is_set() and (piece := file.read(_CHUNK)):
                found.update(piece)
    except OSError:
        return False
    return f"sha256:{found.hexdigest()}" == digest


def _kept(dest: str, entries: list[Fields]) -> list[Any]:
    """Return the entries of a layout's present index that the new ones do not replace."""
    try:
        with open(f"{dest}/index.json", "rb") as file:
            present = json.load(file)["manifests"]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BuildError(
            f"{dest}/index.json is not the index of an OCI layout",
            code="LA0257",
            help="remove it, or choose another dest",
        ) from error
    replaced = {_name(entry) for entry in entries}
    return [entry for entry in present if isinstance(entry, dict) and _name(entry) not in replaced]


def _name(entry: Fields) -> str:
    annotations = entry.get("annotations") or {}
    return str(annotations.get(IMAGE_NAME) or annotations.get(REF_NAME) or "")
