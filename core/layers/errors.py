# SPDX-License-Identifier: Apache-2.0
"""The mistakes that layers and archives can hold, one constructor each. Codes LA0601 to LA0699."""

from __future__ import annotations

import os

from ladle.core.api.errors import BuildError


def _shown(name: bytes) -> str:
    text = ascii(os.fsdecode(name[:200]))[1:-1]
    return text + "…" if len(name) > 200 else text


def file_shrank(name: bytes, missing: int) -> BuildError:
    """A file ended before its recorded size."""
    return BuildError(
        f"{_shown(name)}: shrank by {missing} bytes while it was being read",
        code="LA0601",
        help="something outside of the build writes to this file; build again",
    )


def attributes_too_large(name: bytes, size: int, limit: int) -> BuildError:
    """Extended attributes do not fit into a tar header."""
    return BuildError(
        f"{_shown(name)}: its extended attributes take {size} bytes, a tar entry holds {limit}", code="LA0602"
    )


def redirected_directory(path: bytes) -> BuildError:
    """A snapshot was written by an overlay with redirect_dir=on."""
    return BuildError(
        f"snapshot holds a renamed directory that cannot be read as a layer: {_shown(path)}",
        code="LA0603",
        help="the overlay was mounted with redirect_dir=on; ladle mounts it with redirect_dir=off",
    )


def reserved_name(path: bytes) -> BuildError:
    """A file's name is what layers say removals with: whoever unpacks the layer would remove another file."""
    return BuildError(
        f"a layer cannot hold {_shown(b'/' + path)}: in a layer a name that begins with .wh. is the removal of a file",
        code="LA0604",
        help="rename or remove it in the step that makes it, or take the files out with -o type=local or type=tar",
    )


def bad_archive(reason: str, name: bytes = b"") -> BuildError:
    """The archive is damaged or not a tar archive."""
    place = f" at entry {_shown(name)}" if name else ""
    return BuildError(f"the archive is not valid{place}: {reason}", code="LA0610")


def unsafe_entry(name: bytes, reason: str) -> BuildError:
    """An entry that would reach out of the root or cannot be meant honestly."""
    return BuildError(f"the archive's entry {_shown(name)} is refused: {reason}", code="LA0611")


def over_limit(what: str, value: int, limit: int, name: bytes = b"") -> BuildError:
    """The archive is larger than allowed in some measure."""
    place = f" at entry {_shown(name)}" if name else ""
    return BuildError(f"the archive is refused{place}: {what} {value} is over the limit of {limit}", code="LA0612")


def no_space(name: bytes, needed: int, free: int) -> BuildError:
    """The archive says it is larger than the disk has room for."""
    return BuildError(
        f"the archive does not fit on the disk at entry {_shown(name)}: {needed} bytes unpacked, {free} bytes free",
        code="LA0613",
        help="free some space (`ladle prune`) or put the store on a larger disk",
    )


def failed_entry(name: bytes, action: str, error: OSError) -> BuildError:
    """The kernel refused an operation on an entry."""
    return BuildError(f"cannot {action} {_shown(name)}: {error.strerror}", code="LA0614")


def unmapped_owner(name: bytes, uid: int, gid: int) -> BuildError:
    """The owner of an entry does not exist in the user namespace."""
    return BuildError(
        f"cannot give {_shown(name)} to {uid}:{gid}: these ids are not mapped into the user namespace",
        code="LA0615",
        help="give the user larger ranges in /etc/subuid and /etc/subgid, or build as root",
    )


def unknown_compression(what: str) -> BuildError:
    """A media type, file or option names no compression that is known."""
    return BuildError(
        f"unknown layer compression: {what}",
        code="LA0620",
        help="known: gzip, zstd, uncompressed; read also bz2 and xz",
    )


def bad_stream(kind: str, reason: str) -> BuildError:
    """Compressed data is damaged or cut short."""
    return BuildError(f"the {kind} data is not valid: {reason}", code="LA0621")


def wrong_size(expected: int, found: int) -> BuildError:
    """A blob is not as long as its descriptor says."""
    return BuildError(f"blob size is {found} bytes, its descriptor says {expected}", code="LA0622")


def wrong_digest(what: str, expected: str, found: str) -> BuildError:
    """A blob or layer is not the one asked for."""
    return BuildError(f"{what} is {found}, expected {expected}", code="LA0623")


def export_blocked(path: str, reason: str) -> BuildError:
    """Something in the destination directory is in the way."""
    return BuildError(f"cannot write {path}: {reason}", code="LA0630")


def nobody_reads() -> BuildError:
    """The other end of a pipe was closed."""
    return BuildError("nobody reads the archive any more", code="LA0631")


def unreadable_blob(path: str, error: OSError) -> BuildError:
    """A blob file cannot be opened."""
    return BuildError(f"cannot open the layer blob {path}: {error.strerror}", code="LA0632")


def lost_snapshot(snapshot: str) -> BuildError:
    """A snapshot directory that was recorded is not there."""
    return BuildError(
        f"the store has lost layer {snapshot}",
        code="LA0633",
        help="run the build with --no-cache, or prune the store",
    )


def nothing_selected(text: str, folder: str, names: list[str], wanted: str, shown: int) -> BuildError:
    """A `src=` matches nothing; `folder` is how far it goes, `names` what is there, `wanted` what is not."""
    from difflib import get_close_matches

    near = get_close_matches(wanted, names, n=1)
    place = "the result" if folder == "/" else folder
    listed = ", ".join(ascii(name)[1:-1] for name in names[:shown])
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return BuildError(
        f"src={text} matches nothing in the result",
        code="LA0634",
        notes=[f"{place} holds {listed}{more}" if names else f"{place} is empty"],
        help=f"did you mean {os.path.join(folder, near[0])}?" if near else "",
    )


def selected_twice(path: bytes) -> BuildError:
    """Two `src=` bring different files under one name."""
    return BuildError(
        f"two of the src= bring different files to the name {_shown(path)}",
        code="LA0635",
        help="keep their directories with /./, as in src=/./out/**, or use an output of its own for each",
    )


def helper_ended(reason: str) -> BuildError:
    """A process that writes a part of an output ended before it was done."""
    return BuildError(f"a process that writes the output ended early: {reason}", code="LA0636")
