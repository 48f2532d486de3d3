# SPDX-License-Identifier: Apache-2.0
"""Configs against those that BuildKit wrote, and the rules for history and times."""

from __future__ import annotations

import json

import pytest

from ladle.plugins.exporters.image_config import complete_config, is_later, patched_history

EPOCH = 1700000000
EPOCH_TEXT = "2023-11-14T22:13:20Z"
NOW = "2026-01-02T03:04:05.5Z"
GOLDEN = (
    b'{"architecture":"amd64","config":{"Env":["PATH=/bin"],"Cmd":["sh"],"WorkingDir":"/","ArgsEscaped":true},'
    b'"created":"2023-11-14T22:13:20Z","history":[{"created":"2026-11-23T17:38:45.177681544Z","created_by":'
    b'"COPY bb/ / # buildkit","comment":"buildkit.dockerfile.v0"},{"created":"2023-11-14T22:13:20Z","created_by":'
    b'"RUN /bin/sh -c echo \\u003e /v \\u0026\\u0026 true # buildkit","comment":"buildkit.dockerfile.v0"}],'
    b'"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:a","sha256:b"]}}'
)


def test_gives_the_bytes_of_buildkit() -> None:
    config = json.loads(GOLDEN)
    del config["rootfs"], config["created"], config["history"][1]["created"]
    config = dict(reversed(config.items()))
    done = complete_config(config, ["sha256:a", "sha256:b"], created=EPOCH_TEXT, epoch=EPOCH, base_history=1)
    assert done == GOLDEN


def test_without_history_there_is_no_time() -> None:
    done = complete_config({"os": "linux", "history": []}, [], created=EPOCH_TEXT, epoch=EPOCH, base_history=0)
    assert done == b'{"created":null,"history":null,"os":"linux","rootfs":{"type":"layers","diff_ids":null}}'


def test_without_an_epoch_new_entries_get_the_time_of_the_build() -> None:
    history = [{"created": "2020-01-01T00:00:00Z"}, {"created_by": "RUN x"}, {"created_by": "ENV", "empty_layer": True}]
    done = json.loads(complete_config({"history": history}, ["a", "b"], created=NOW, epoch=None, base_history=1))
    assert [entry["created"] for entry in done["history"]] == ["2020-01-01T00:00:00Z", NOW, NOW]
    assert done["created"] == NOW


def test_an_epoch_clamps_new_entries_only() -> None:
    late = "2030-01-01T00:00:00+01:00"
    history = patched_history(
        [{"created": late}, {"created": late}, {"created": "2001-01-01T00:00:00Z"}],
        3,
        created=EPOCH_TEXT,
        epoch=EPOCH,
        base_history=1,
    )
    assert [entry["created"] for entry in history] == [late, EPOCH_TEXT, "2001-01-01T00:00:00Z"]


def test_history_has_as_many_entries_as_there_are_layers() -> None:
    more = patched_history([{"created_by": "one"}], 3, created=NOW, epoch=None, base_history=0)
    assert [entry.get("comment") for entry in more] == [None, *["buildkit.exporter.image.v0"] * 2]
    fewer = patched_history([{"created_by": "one"}, {"created_by": "two"}], 1, created=NOW, epoch=None, base_history=0)
    assert [entry.get("empty_layer") for entry in fewer] == [None, True]


def test_keys_of_entries_are_in_order() -> None:
    entry = {"empty_layer": True, "comment": "c", "created_by": "b", "created": NOW}
    history = patched_history([entry], 0, created=NOW, epoch=None, base_history=1)
    assert list(history[0]) == ["created", "created_by", "comment", "empty_layer"]


@pytest.mark.parametrize(
    ("text", "later"),
    [("2023-11-14T22:13:20Z", False), ("2023-11-14T22:13:20.1Z", True), ("nonsense", False), ("2024-01-01", True)],
)
def test_comparing_times(text: str, later: bool) -> None:
    assert is_later(text, EPOCH) is later
