# SPDX-License-Identifier: Apache-2.0
"""The exporter `type=deb`: has ladle's worker write the tar of a tree, and makes a package of it on the way."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, ClassVar, cast

from ladle.core.api.errors import BuildError, UsageError
from ladle.core.api.exporter import ExportReport
from ladle_deb import archive, control

if TYPE_CHECKING:
    from ladle.core.api.exporter import Solved, SolvedImage
    from ladle.core.api.services import Services

_OWN = ("compression", "dest", "owner", "src")
_ARCH = "{arch}"
_VERSION = 1
"""Goes into the key: raised when the same tree gives other bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DebExporter:
    """Writes a Debian package of the result's files, one for each platform."""

    NAME: ClassVar[str] = "deb"

    dest: str
    src: tuple[str, ...]
    owner: str
    compression: str
    fields: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, attrs: Mapping[str, str]) -> DebExporter:
        """Read the attributes; raises `UsageError` naming the bad one."""
        names = [attribute for _, attribute, _ in control.FIELDS]
        left = {name: value for name, value in attrs.items() if name != "type"}
        for name in left:
            if name not in _OWN and name not in names:
                raise _bad(f"has no attribute {name!r}", f"it has: {', '.join(sorted([*_OWN, *names]))}")
        dest = left.get("dest", "")
        if dest in ("", "-"):
            raise _bad("needs dest=PATH", "such as dest=app.deb, or dest=app_{arch}.deb for several platforms")
        if _ARCH in os.path.dirname(dest):
            raise _bad(f"dest={dest!r} has {_ARCH} in the name of a directory", "write it in the file's name alone")
        owner = left.get("owner", "root")
        if owner not in ("root", "keep"):
            raise _bad(f"owner={owner!r} is neither root nor keep", "root is who owns what is installed")
        compression = left.get("compression", "xz")
        if compression not in archive.COMPRESSIONS:
            raise _bad(f"compression={compression!r} is none", f"one of {', '.join(archive.COMPRESSIONS)}")
        for name, value in left.items():
            if name not in _OWN and name != "description" and re.search(r"[\r\n]", value):
                raise _bad(f"{name} has several lines", "give it in one")
        return cls(
            dest=os.path.abspath(dest),
            src=tuple(text for text in left.get("src", "").split("\n") if text),
            owner=owner,
            compression=compression,
            fields=tuple((name, left[name]) for name in names if left.get(name)),
        )

    def key(self) -> str:
        """Return a stable text of the options."""
        return f"{_VERSION} {self!r}"

    async def export(self, services: Services, solved: Solved) -> ExportReport:
        """Write one package for each platform."""
        if len(solved.images) > 1 and _ARCH not in self.dest:
            raise BuildError(
                f"type=deb: {len(solved.images)} platforms cannot share one package",
                code="DEB0008",
                help="write the destination as dest=NAME_{arch}.deb",
            )
        files: dict[str, list[int]] = {}
        for image in solved.images:
            path = await self._write(services, image, solved.epoch)
            status = os.stat(path)
            files[path] = [status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns]
        return ExportReport(
            summary=f"Debian package {', '.join(os.path.relpath(path) for path in files)}",
            files=files,
            metadata={"deb.files": list(files)},
        )

    async def _write(self, services: Services, image: SolvedImage, epoch: int | None) -> str:
        folder, name = os.path.split(self.dest)
        try:
            os.makedirs(folder, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as tar:
                data = await self._data(services, image, epoch, tar)
                fields = self._fields(image, data)
                packed = archive.control_archive(control.control_text(fields, data.size), data, epoch or 0)
                dest = os.path.join(folder, name.replace(_ARCH, fields["Architecture"]))
                with _replacing(dest) as package:
                    archive.write_package(package, packed, tar, self.compression, epoch or 0)
        except OSError as error:
            raise BuildError(f"type=deb: cannot write {self.dest}: {error.strerror}", code="DEB0009") from error
        for lost in data.lost:
            services.reporter.warning(f"type=deb: {lost} loses its extended attributes: a package has none")
        return dest

    async def _data(self, services: Services, image: SolvedImage, epoch: int | None, out: IO[bytes]) -> archive.Data:
        """Have the worker write the tree into a pipe, at whose other end a thread makes the package's archive."""
        owner = [0, 0] if self.owner == "root" else "keep"
        args = {"ref": image.ref, "src": list(self.src), "epoch": epoch, "fd": 0, "owner": owner}
        reading, writing = os.pipe()

        def turn() -> archive.Data:
            with open(reading, "rb") as tree:
                found = archive.write_data(tree, out, self.compression)
                while tree.read(1 << 20):
                    pass
                return found

        made = asyncio.ensure_future(asyncio.to_thread(turn))
        try:
            await services.worker.run("export_tar", args, fds=[writing])
        except BaseException:
            os.close(writing)
            await asyncio.wait([made])
            if isinstance(own := made.exception(), BuildError):  # the worker only found that nobody read on
                raise own from None
            raise
        os.close(writing)
        return await made

    def _fields(self, image: SolvedImage, data: archive.Data) -> dict[str, str]:
        """Return the fields of the control file; raises `BuildError` for what would be no package."""
        if not data.entries:
            raise BuildError(
                "type=deb: there is no file to put into the package", code="DEB0010", help="name a directory with src="
            )
        labels = (image.config.get("config") or {}).get("Labels") or {}
        given = control.parse_control(data.control.get("control", b""))
        attributes = dict(self.fields)
        if "arch" not in attributes and not any(name.lower() == "architecture" for name in given):
            attributes["arch"] = control.architecture(image.platform.architecture, image.platform.variant)
        fields = control.merged(attributes, given, labels)
        control.check(fields)
        return fields


@contextmanager
def _replacing(dest: str) -> Iterator[IO[bytes]]:
    """Open a file that gets its name when it is whole."""
    folder, name = os.path.split(dest)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{name[:200]}.", delete=False) as file:
        try:
            yield cast("IO[bytes]", file)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.rename(file.name, dest)
        except BaseException:
            os.unlink(file.name)
            raise


def _bad(what: str, help: str) -> UsageError:
    return UsageError(f"type=deb {what}", code="DEB0001", help=help)
