# SPDX-License-Identifier: Apache-2.0
"""Any change of a tree, as a layer, gives the changed tree: under ladle and under umoci, as root and as a user.

Each example is a batch of cases in directories of their own, so that umoci starts once for many of them. With
`LADLE_SLOW=1` there are ten times as many examples.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from ladle.core.layers import jobs
from ladle.core.layers.apply import apply_archive
from ladle.core.layers.tarread import TarReader
from ladle.core.worker.job import JobContext
from tests.core.layers.conftest import describe
from tests.support.changes import Step, drawn, make_changes, seeds, set_old_times, steps_of
from tests.support.images import BUSYBOX_CONFIG, Layout
from tests.support.userns import MANY, InUserNamespace

pytestmark = pytest.mark.root
CAPABILITY_NAME = "security.capability"
EXAMPLES = 60 if os.environ.get("LADLE_SLOW") else 6
Cases = list[tuple[list[Step], list[Step]]]
Tables = dict[str, dict[str, str]]
batches = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
given_batches = given(cases=drawn, seeds=seeds)


def table(root: str, *, links: bool) -> dict[str, str]:
    """Describe a tree as text, without what no layer carries; `links`: with which names share an inode."""
    rows = describe(Path(root))
    found = {}
    for name, (mode, owner, time, content, link, attributes) in rows.items():
        assert isinstance(attributes, tuple)
        kept = [pair for pair in attributes if pair[0] == CAPABILITY_NAME]
        found[ascii(name)] = ascii((mode, owner, time, content, link if links else "", kept))
    return found


def through_layers(ctx: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """A job: make trees with a layer of changes, carry both layers over by their blobs, each way; return all trees."""
    names = {letter: args["letters"] + letter for letter in "abcd"}
    for number, letter in enumerate("ab"):
        staging = ctx.staging([names["a"]][:number])
        for case, pair in enumerate(args["batch"]):
            folder = os.fsencode(os.path.join(staging.path, f"case{case}"))
            os.makedirs(folder, exist_ok=True)
            make_changes(folder, [tuple(step) for step in pair[number]], devices=not ctx.rootless)
        if not number:
            set_old_times(os.fsencode(staging.path))
        staging.commit(names[letter])
    work = Path(ctx.directory("work"))
    for number, (letter, copy) in enumerate((("a", "c"), ("b", "d"))):
        made = jobs.diff(
            ctx,
            {
                "parents": [names["a"]][:number], "snapshot": names[letter], "compression": "uncompressed",
                "level": None, "epoch": None, "out": str(work / letter),
            },
        )  # fmt: skip
        promised = {key: made[key] for key in ("media_type", "digest", "size", "diff_id")}
        below = [names["c"]][:number]
        jobs.apply(ctx, {"parents": below, "snapshot": names[copy], "blob": str(work / letter), **promised})
    blobs = [(work / letter).read_bytes() for letter in "ab"]
    plain, theirs = work / "plain", work / "theirs"
    plain.mkdir()
    for blob in blobs:
        pieces = iter([blob])
        apply_archive(TarReader(lambda pieces=pieces: next(pieces, b"")), str(plain), layer=True)  # type: ignore[misc]
    Layout(work / "layout").image("t", BUSYBOX_CONFIG, blobs)
    command = ["umoci", "raw", "unpack", "--image", f"{work}/layout:t", str(theirs)]
    done = subprocess.run(
        command, capture_output=True, check=False, env={"PATH": os.environ["PATH"], "HOME": str(work)}
    )
    assert done.returncode == 0, done.stderr.decode()
    views = {name: ctx.tree({"kind": "layers", "layers": [names[letter] for letter in name]}) for name in ("ab", "cd")}
    found = {name: table(path, links=False) for name, path in views.items()}
    found["plain"] = table(str(plain), links=False)
    found["plain with links"] = table(str(plain), links=True)
    found["umoci with links"] = table(str(theirs), links=True)
    return found


def batched(cases: Cases, seeds: list[int]) -> Cases:
    """Join the cases that were drawn and those of seeds."""
    return [*cases, *map(steps_of, seeds)]


def agree(found: Tables) -> None:
    """Assert that all ways lead to the same tree."""
    assert found["ab"] == found["cd"] == found["plain"]
    assert found["plain with links"] == found["umoci with links"]


@given_batches
@batches
def test_as_root(cases: Cases, seeds: list[int], run_job: Callable[..., dict[str, Any]], store: Path) -> None:
    try:
        agree(run_job(through_layers, batch=batched(cases, seeds), letters="r"))
    finally:
        for name in os.listdir(store / "snapshots"):
            shutil.rmtree(store / "snapshots" / name, ignore_errors=True)


@given_batches
@batches
def test_in_a_user_namespace(cases: Cases, seeds: list[int], as_user: InUserNamespace, place: Path) -> None:
    try:
        agree(as_user(through_layers, MANY, batch=batched(cases, seeds), letters="u"))
    finally:
        for name in os.listdir(place / "store/snapshots"):
            shutil.rmtree(place / "store/snapshots" / name, ignore_errors=True)
