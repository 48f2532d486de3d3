# SPDX-License-Identifier: Apache-2.0
"""The fast path: a build that was done before and of which nothing has changed (DESIGN section 12).

Argument parsing by hand, one look at the store, one stat a file. It answers only when sure; else the full path does.
"""

from __future__ import annotations

import os
import sys
import time

from ladle.core.api.errors import BuildError
from ladle.core.cli.options import NotPlainError, parse_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ladle.core.build.memo import Memo
    from ladle.core.build.reads import Read
    from ladle.core.store.store import Store

_FULL_PATH = ("llb", "no_cache", "no_cache_filter", "pull", "metadata_file", "iidfile", "call", "check")


def try_cached(argv: list[str]) -> int | None:
    """Return 0 after a build with nothing to do, None if the full path has to look."""
    began = time.monotonic()
    try:
        values, positional = parse_plain(argv)
    except NotPlainError:
        return None
    if any(values[name] for name in _FULL_PATH) or values["progress"] not in ("", "auto", "plain", "quiet"):
        return None
    from ladle.core.build import memo
    from ladle.core.store.store import Store, default_root
    from ladle.plugins.quick import local_digest

    root = str(values["root"]) or default_root()
    if not os.path.exists(f"{root}/ladle.db"):
        return None
    try:
        store = Store.open(root)
        sys.stderr.write("".join(f"warning: {text}\n" for text in store.warnings))
        try:
            found = memo.load(store, memo.identity(values, positional, os.environ))
            if found is None or not memo.holds(
                store,
                found,
                lambda read: _now(store, read, offline=bool(values["offline"])),
                lambda *local: local_digest(store, *local),
            ):
                return None
        finally:
            store.close()
    except (BuildError, OSError, KeyError, ValueError, TypeError):
        return None
    _show(found, began, quiet=bool(values["quiet"]) or values["progress"] == "quiet", outputs=bool(values["outputs"]))
    return 0


def _now(store: Store, read: Read, *, offline: bool) -> str:
    """Return what a read of a tag or of the machine gives now."""
    from ladle.plugins.quick import host_key, tag_digest

    if read[0] == "host":
        return host_key(store)
    host, path, tag, digest = read[3:7]
    if digest or offline:
        return read[-1]
    return tag_digest(host, path, tag)


def _show(memo: Memo, began: float, *, quiet: bool, outputs: bool) -> None:
    if not quiet:
        count = len(memo["steps"])
        lines = [f"warning: {text}" for text in memo["warnings"]]
        lines += [f"{name} CACHED" for name in memo["steps"]]
        lines.append(f"{count} steps, {count} cached, {time.monotonic() - began:.1f}s")
        lines += [report["summary"] for report in memo["exports"] if report["summary"]]
        if not outputs:
            lines.append("no output was asked for: the result is in the cache only (use -o)")
        sys.stderr.write("\n".join(lines) + "\n")
    if quiet:
        import json

        for report in memo["exports"]:
            digest = json.loads(report["metadata"]).get("containerimage.digest")
            if digest:
                sys.stdout.write(f"{digest}\n")
