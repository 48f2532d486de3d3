# SPDX-License-Identifier: Apache-2.0
"""The two archives of a Debian package: from the tar of a tree to `control.tar` and `data.tar` within an `ar`.

The format: https://manpages.debian.org/deb.5. The same tree gives the same bytes: there is no time or name of this
machine in them.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any, cast

from ladle.core.api.errors import BuildError

CONTROL_FOLDER = "DEBIAN"
CONTROL_FILE_BYTES = 1 << 20
"""How large a file in `DEBIAN/` may be."""
EXECUTABLE = frozenset(["preinst", "postinst", "prerm", "postrm", "config"])
_CHUNK = 1 << 20
_AR_MAGIC = b"!<arch>\n"
_AR_SIZE_LIMIT = 10**10
"""An `ar` has ten digits for the size of a member."""


def _gzip(file: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0))


def _zstd(file: IO[bytes]) -> IO[bytes]:
    import zstandard

    return cast("IO[bytes]", zstandard.ZstdCompressor(level=10).stream_writer(file, closefd=False))


COMPRESSIONS: dict[str, tuple[str, Callable[[IO[bytes]], IO[bytes]]]] = {
    "xz": (".xz", lambda file: cast("IO[bytes]", lzma.open(file, "wb", preset=6))),
    "gzip": (".gz", _gzip),
    "zstd": (".zst", _zstd),
}
"""The name's ending and what compresses, by the attribute's value."""


@dataclass
class Data:
    """What went into `data.tar`, and what the tree's `DEBIAN/` holds."""

    control: dict[str, bytes] = field(default_factory=dict)
    sums: list[tuple[str, str]] = field(default_factory=list)
    configuration: list[str] = field(default_factory=list)
    """The regular files below /etc."""
    size: int = 0
    entries: int = 0
    lost: list[str] = field(default_factory=list)
    """Files whose extended attributes a package cannot have."""


def write_data(tree: IO[bytes], out: IO[bytes], compression: str) -> Data:
    """Turn the tar of a tree into the `data.tar` of a package, but for `DEBIAN/`, which is kept apart."""
    data = Data()
    compressed = COMPRESSIONS[compression][1](out)
    with (
        compressed,
        tarfile.open(fileobj=tree, mode="r|") as source,
        tarfile.open(fileobj=compressed, mode="w|", format=tarfile.GNU_FORMAT) as target,
    ):
        target.addfile(_directory("./"))
        for entry in source:
            name = entry.name.strip("/")
            if name == CONTROL_FOLDER or name.startswith(f"{CONTROL_FOLDER}/"):
                _keep_control(data, name, entry, source)
            elif name not in ("", "."):
                _copy(data, name, entry, source, target)
    return data


def _keep_control(data: Data, name: str, entry: tarfile.TarInfo, source: tarfile.TarFile) -> None:
    if entry.isdir():
        return
    file = source.extractfile(entry) if entry.isfile() else None
    if file is None or name.count("/") != 1 or entry.size > CONTROL_FILE_BYTES:
        raise BuildError(
            f"type=deb: {name} cannot be a file of the package's control data",
            code="DEB0006",
            help=f"{CONTROL_FOLDER}/ holds regular files of at most {CONTROL_FILE_BYTES} bytes",
        )
    data.control[name.partition("/")[2]] = file.read()


def _copy(data: Data, name: str, entry: tarfile.TarInfo, source: tarfile.TarFile, target: tarfile.TarFile) -> None:
    made = _directory(f"./{name}/") if entry.isdir() else tarfile.TarInfo(f"./{name}")
    made.type = entry.type if not entry.isfile() else tarfile.REGTYPE
    made.mode, made.uid, made.gid, made.mtime = entry.mode, entry.uid, entry.gid, int(entry.mtime)
    made.devmajor, made.devminor = entry.devmajor, entry.devminor
    made.linkname = f"./{entry.linkname.lstrip('/')}" if entry.islnk() else entry.linkname
    if any(key.startswith("SCHILY.xattr.") for key in entry.pax_headers):
        data.lost.append(name)
    data.entries += 1
    if not entry.isfile():
        data.size += 1
        target.addfile(made)
        return
    made.size = entry.size
    data.size += -(-entry.size // 1024)
    file = source.extractfile(entry)
    assert file is not None
    reader = _Summing(file)
    target.addfile(made, cast("IO[bytes]", reader))
    data.sums.append((reader.sum.hexdigest(), name))
    if name.startswith("etc/"):
        data.configuration.append(f"/{name}")


def _directory(name: str) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.mode = tarfile.DIRTYPE, 0o755
    return made


class _Summing:
    """Reads a file and sums up what it reads, as `md5sums` has it: against decay, not against people."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sum = hashlib.md5(usedforsecurity=False)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        data = self._file.read(size)
        self.sum.update(data)
        return data


def control_archive(control: bytes, data: Data, epoch: int) -> bytes:
    """Return `control.tar.gz`: the control file, sums, configuration files, and whatever else `DEBIAN/` holds."""
    files = {name: content for name, content in data.control.items() if name != "control"}
    files["control"] = control
    files.setdefault("md5sums", "".join(f"{digest}  {name}\n" for digest, name in data.sums).encode())
    files.setdefault("conffiles", "".join(f"{name}\n" for name in data.configuration).encode())
    buffer = io.BytesIO()
    with _gzip(buffer) as compressed, tarfile.open(fileobj=compressed, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        top = _directory("./")
        top.mtime = epoch
        tar.addfile(top)
        for name in sorted(files):
            if not files[name]:
                continue
            info = tarfile.TarInfo(f"./{name}")
            info.size, info.mtime = len(files[name]), epoch
            info.mode = 0o755 if name in EXECUTABLE else 0o644
            tar.addfile(info, io.BytesIO(files[name]))
    return buffer.getvalue()


def write_package(out: IO[bytes], control: bytes, data: IO[bytes], compression: str, epoch: int) -> None:
    """Write the `ar` of a package: its version, its control archive, its data archive."""
    out.write(_AR_MAGIC)
    _member(out, "debian-binary", io.BytesIO(b"2.0\n"), epoch)
    _member(out, "control.tar.gz", io.BytesIO(control), epoch)
    _member(out, f"data.tar{COMPRESSIONS[compression][0]}", data, epoch)


def _member(out: IO[bytes], name: str, content: IO[Any], epoch: int) -> None:
    size = content.seek(0, io.SEEK_END)
    content.seek(0)
    if size >= _AR_SIZE_LIMIT:
        raise BuildError(
            f"type=deb: {name} has {size} bytes, and a package can hold {_AR_SIZE_LIMIT - 1}",
            code="DEB0007",
            help="take fewer files with src=",
        )
    out.write(f"{name:<16}{epoch:<12}{0:<6}{0:<6}{'100644':<8}{size:<10}`\n".encode())
    while chunk := content.read(_CHUNK):
        out.write(chunk)
    if size % 2:
        out.write(b"\n")
