# SPDX-License-Identifier: Apache-2.0
"""The worker's jobs about layers: apply, diff, diff_trees, export_local, export_tar.

Each takes the job's context and the plain arguments of the request, and returns a plain mapping; see the worker's
protocol for who calls them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import InternalError
from ladle.core.layers import errors

if TYPE_CHECKING:
    from ladle.core.layers.selection import Selection
    from ladle.core.worker.job import JobContext

_INTERVAL = 0.2
_PROCESSES = 2


def apply(ctx: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Unpack a layer blob over `parents` into the snapshot `snapshot`, once all its digests are right."""
    from ladle.core.layers.apply import apply_archive
    from ladle.core.layers.decompress import BlobReader, check_media_type
    from ladle.core.layers.tarread import TarReader

    check_media_type(args["media_type"])
    fd = _open_blob(args["blob"])
    staging = ctx.staging(args["parents"])
    try:
        with BlobReader(
            fd,
            size=args["size"],
            digest=args["digest"],
            diff_id=args["diff_id"],
            progress=_progress(ctx, args["size"]),
        ) as blob:
            applied = apply_archive(
                TarReader(blob.read_block), staging.path, layer=True, rootless=ctx.rootless, single_uid=ctx.single_uid
            )
            diff_id = blob.finish()
        staging.commit(args["snapshot"])
    except BaseException:
        staging.discard()
        raise
    finally:
        os.close(fd)
    return {"diff_id": diff_id, "size": applied.bytes, "warnings": applied.warnings}


def diff(ctx: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Write the layer blob of the snapshot `snapshot`, which lies over `parents`, to the file `out`.

    `loose`: all that is in it is a change, whatever it lies on.
    """
    from ladle.core.layers.compress import LayerSink
    from ladle.core.layers.differ import diff_loose, diff_upper
    from ladle.core.layers.tarwriter import TarWriter
    from ladle.core.worker.job import checked_layers

    (snapshot,) = checked_layers([args["snapshot"]])
    upper = os.path.join(ctx.snapshots, snapshot)
    if not os.path.isdir(upper):
        raise errors.lost_snapshot(snapshot)
    lower = ctx.tree({"kind": "layers", "layers": args["parents"]}) if args["parents"] else None
    out = args["out"]
    fd = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        sink = LayerSink(fd, args["compression"], args["level"])
        try:
            tar = TarWriter(sink.write)
            if args.get("loose"):
                diff_loose(upper, tar, epoch=args["epoch"])
            else:
                diff_upper(upper, lower, tar, epoch=args["epoch"])
            tar.close()
        except BaseException:
            sink.abandon()
            raise
        digests = sink.close()
    except BaseException:
        os.unlink(out)
        raise
    finally:
        os.close(fd)
    return {
        "diff_id": digests.diff_id,
        "digest": digests.digest,
        "size": digests.size,
        "uncompressed_size": digests.uncompressed_size,
        "media_type": digests.media_type,
        "entries": tar.entries,
    }


def diff_trees(ctx: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Make the snapshot `snapshot`, which put over the layers of `lower` gives the tree `upper`."""
    from ladle.core.layers.transfer import move_changes

    lower: Mapping[str, Any] | None = args["lower"]
    if lower is not None and lower["kind"] != "layers":
        raise InternalError("the lower side of a diff is not made of layers")
    layers = [] if lower is None else lower["layers"]
    staging = ctx.staging(layers)
    try:
        applied = move_changes(
            ctx.tree(lower) if lower is not None and layers else None,
            ctx.tree(args["upper"]),
            staging.path,
            rootless=ctx.rootless,
            single_uid=ctx.single_uid,
        )
        staging.commit(args["snapshot"])
    except BaseException:
        staging.discard()
        raise
    return {"size": applied.bytes, "warnings": applied.warnings}


def export_local(ctx: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Write the trees of `parts`, or the one of `ref`, below the directory `dest`; the receipt to the file `receipt`.

    `parts` are pairs of a directory's name below `dest` ("": itself) and a ref; `src` says what to take of each tree.
    """
    from ladle.core.layers.export import ExportOptions, export_trees

    mode = args.get("mode", "copy")
    if mode not in ("copy", "delete"):
        raise InternalError(f"unknown mode of a local export: {mode!r}")
    options = ExportOptions(
        selections=_selections(args),
        epoch=args.get("epoch"),
        owner=_owner(args),
        mirror=mode == "delete",
        processes=min(_PROCESSES, len(os.sched_getaffinity(0))),
        progress=_progress(ctx, None),
    )
    exported = export_trees([(folder, ctx.tree(ref)) for folder, ref in _parts(args)], args["dest"], options)
    if args.get("receipt"):
        _write_receipt(args["receipt"], exported.receipt)
    return {
        "files": exported.files,
        "bytes": exported.bytes,
        "unchanged": exported.unchanged,
        "removed": exported.removed,
        "warnings": exported.warnings,
    }


def export_tar(ctx: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Write the trees of `parts`, or the one of `ref`, as an uncompressed archive to one of the request's descriptors.

    See `export_local` for the arguments.
    """
    from ladle.core.layers.compress import write_all
    from ladle.core.layers.export_tar import write_archive

    fd = ctx.fds[args["fd"]]
    try:
        entries, size = write_archive(
            [(folder, ctx.tree(ref)) for folder, ref in _parts(args)],
            lambda block: write_all(fd, block),
            selections=_selections(args),
            epoch=args.get("epoch"),
            owner=_owner(args),
            progress=_progress(ctx, None),
        )
    except BrokenPipeError:
        raise errors.nobody_reads() from None
    return {"entries": entries, "size": size}


def _parts(args: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(folder, ref) for folder, ref in args.get("parts") or [["", args["ref"]]]]


def _selections(args: Mapping[str, Any]) -> list[Selection]:
    from ladle.core.layers.selection import parse_selection

    return [parse_selection(text) for text in args.get("src") or ()]


def _owner(args: Mapping[str, Any]) -> str | tuple[int, int] | None:
    """Return the owner that was asked for: None, "keep", or a user and a group."""
    owner = args.get("owner")
    return owner if owner is None or isinstance(owner, str) else (owner[0], owner[1])


def _open_blob(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise errors.unreadable_blob(path, error) from error


def _progress(ctx: JobContext, total: int | None) -> Callable[[int], None]:
    last = 0.0

    def report(current: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _INTERVAL:
            last = now
            ctx.emit({"type": "progress", "current": current, "total": total})

    return report


def _write_receipt(path: str, receipt: Mapping[bytes, tuple[int, ...]]) -> None:
    import marshal

    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "wb") as file:
        marshal.dump(dict(receipt), file)
    os.replace(temporary, path)
