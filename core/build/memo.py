# SPDX-License-Identifier: Apache-2.0
"""The memo of a build that did well: enough to see, next time, that there is nothing to do (decision 4).

Light: a cached build imports it. What differs from the memo is no error, the full path then decides.
"""

from __future__ import annotations

import marshal
import os
import stat
import time
from hashlib import sha256

from ladle.core.build.reads import Read
from ladle.core.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ladle.core.store.store import Store

    Memo = dict[str, Any]

KIND = "memo"
_FORM = 2


def identity(values: Mapping[str, object], positional: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return the identity of a request: its flags, where it was made, and the environment that it takes in."""
    taken = {
        "SOURCE_DATE_EPOCH": environ.get("SOURCE_DATE_EPOCH", ""),
        "LADLE_PLUGINS": environ.get("LADLE_PLUGINS", "\0"),
    }
    arguments = values.get("build_args", ())
    if isinstance(arguments, tuple):
        taken |= {name: environ.get(name, "\0") for name in arguments if "=" not in name}
    shown = ("progress", "quiet", "metadata_file", "iidfile", "root")
    flags = sorted((name, value) for name, value in values.items() if name not in shown)
    parts = (_FORM, VERSION, os.getcwd(), flags, list(positional), sorted(taken.items()), _id_ranges())
    return sha256(repr(parts).encode(errors="surrogateescape")).hexdigest()


def _id_ranges() -> list[str]:
    """Return what decides whether an ordinary user has many ids, by stat alone; nothing for root."""
    if os.geteuid() == 0:
        return []
    found = []
    for path in ("/etc/subuid", "/etc/subgid", "/usr/bin/newuidmap", "/usr/bin/newgidmap"):
        try:
            status = os.stat(path)
            found.append(f"{path} {status.st_mtime_ns} {status.st_size}")
        except OSError:
            continue
    return found


def remember(
    store: Store,
    key: str,
    *,
    compiled: Any,
    roots: Sequence[tuple[Any, ...]],
    steps: Sequence[str],
    records: Any,
    reports: Any,
    further: Sequence[Read] = (),
    until: float = 0.0,
) -> None:
    """Keep the memo of a finished build; `roots`: `(root, exclude, include, follow, digest)` of local directories.

    `further` is what it read beside the compile. It holds `until` that time; 0 is for ever.
    """
    memo = {
        "until": until,
        "reads": [list(read) for read in (*compiled.reads, *further)],
        "locals": [(list(root[:4]), root[4]) for root in roots],
        "records": sorted({record.id for record in records}),
        "layers": sorted({layer for record in records for layer in record.result.get("layers", ())}),
        "steps": list(steps),
        "warnings": list(compiled.warnings),
        "exports": [
            {
                "summary": report.summary,
                "files": {path: list(stamp) for path, stamp in report.files.items()},
                "receipt": report.receipt,
                "root": report.receipt_root,
                "metadata": _plain(report.metadata),
            }
            for report in reports
        ],
    }
    data = marshal.dumps(memo)
    if store.facts.get(KIND, key) != data:
        store.facts.put(KIND, key, data)


def _plain(metadata: Mapping[str, Any]) -> str:
    import json

    return json.dumps(dict(metadata))


def load(store: Store, key: str) -> Memo | None:
    """Return the memo of a request, None if there is none."""
    data = store.facts.get(KIND, key)
    if data is None:
        return None
    try:
        memo: Memo = marshal.loads(data)
    except (ValueError, EOFError, TypeError):
        return None
    return memo


def holds(
    store: Store, memo: Memo, resolve: Callable[[Read], str], digest: Callable[..., str], now: float | None = None
) -> bool:
    """Say whether everything is as it was: reads, local directories, records, outputs; and none of it too old `now`.

    `resolve` says what a read of a tag or of the machine gives now, `digest` what a scan of a directory gives.
    """
    from ladle.core.build.reads import unchanged

    if memo["until"] and (time.time() if now is None else now) >= memo["until"]:
        return False
    if not store.records().alive(memo["records"], memo["layers"]):
        return False
    if not unchanged(memo["reads"], resolve):
        return False
    if not all(outputs_unchanged(report) for report in memo["exports"]):
        return False
    return all(digest(*local) == before for local, before in memo["locals"])


def outputs_unchanged(report: Mapping[str, Any]) -> bool:
    """Say whether what an exporter wrote is still as it wrote it."""
    try:
        if not all(_same(path, before) for path, before in report["files"].items()):
            return False
        if not report["receipt"]:
            return True
        root = os.fsencode(report["root"])
        with open(report["receipt"], "rb") as file:
            table = marshal.load(file)
        return all(_same(root + b"/" + path, before) for path, before in table.items())
    except (OSError, ValueError, EOFError, TypeError, AttributeError):
        return False


def _same(path: str | bytes, before: Sequence[int]) -> bool:
    """Say whether a path's stat is as it was; a directory's size and times may have changed, unless it is marked.

    A sixth number marks directories of which an exporter answers for every entry.
    """
    now = os.lstat(path)
    if stat.S_ISDIR(now.st_mode) and len(before) == 5:
        return now.st_mode == before[0]
    return (now.st_mode, now.st_size, now.st_mtime_ns, now.st_ino, now.st_ctime_ns) == tuple(before[:5])
