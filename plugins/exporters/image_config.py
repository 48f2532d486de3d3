# SPDX-License-Identifier: Apache-2.0
"""Completing an image config as BuildKit's exporter does (FEATURES EX-20, EX-21): layers, times, history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ladle.core.oci.gojson import go_json

_HISTORY_KEYS = ("created", "created_by", "author", "comment", "empty_layer")
_COMMENT = "buildkit.exporter.image.v0"


def complete_config(
    config: Mapping[str, Any], diff_ids: Sequence[str], *, created: str, epoch: int | None, base_history: int
) -> bytes:
    """Return the bytes of the finished config: keys sorted on top and in the given order below, as BuildKit's.

    As there, an image without any history has no `created` either, and empty lists are null.
    """
    history = patched_history(
        config.get("history") or [], len(diff_ids), created=created, epoch=epoch, base_history=base_history
    )
    fields = {key: value for key, value in config.items() if value is not None}
    stated = fields.pop("created", "")
    if stated and epoch is not None and is_later(stated, epoch):
        stated = ""
    times = [entry["created"] for entry in history if entry.get("created")]
    fields["created"] = stated or (times[-1] if times else None)
    fields["history"] = history or None
    fields["rootfs"] = {"type": "layers", "diff_ids": list(diff_ids) or None}
    return go_json({key: fields[key] for key in sorted(fields)})


def patched_history(
    history: Sequence[Mapping[str, Any]], layers: int, *, created: str, epoch: int | None, base_history: int
) -> list[dict[str, Any]]:
    """Return the history with as many non-empty entries as there are layers, and with times for all new entries."""
    entries = []
    seen = 0
    for number, given in enumerate(history):
        entry = dict(given)
        if not entry.get("empty_layer") and seen >= layers:
            entry["empty_layer"] = True
        if not entry.get("empty_layer"):
            entry.pop("empty_layer", None)
            seen += 1
        if number >= base_history:
            stated = entry.get("created")
            if not stated or (epoch is not None and is_later(stated, epoch)):
                entry["created"] = created
        entries.append(entry)
    entries += [{"created": created, "comment": _COMMENT} for _ in range(layers - seen)]
    return [_ordered(entry) for entry in entries]


def format_epoch(epoch: int) -> str:
    """Return seconds since 1970 as Go writes a UTC time."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_later(text: str, epoch: int) -> bool:
    """Say whether an RFC 3339 time is after an epoch; what is no time is not."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return False
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment > datetime.fromtimestamp(epoch, UTC)


def _ordered(entry: Mapping[str, Any]) -> dict[str, Any]:
    known = {key: entry[key] for key in _HISTORY_KEYS if entry.get(key) not in (None, "", False)}
    return known | {key: value for key, value in entry.items() if key not in _HISTORY_KEYS}
