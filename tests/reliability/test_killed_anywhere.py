# SPDX-License-Identifier: Apache-2.0
"""Builds are killed by SIGKILL at random moments: ladle, its worker, a job, a guard, a step.

30 rounds; 200 with `LADLE_SLOW=1`. The seeds are fixed, the moments are shares of the time that a whole build takes.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

import pytest

from tests.support.command import Ladle
from tests.support.victim import Victim, same_results

SLOW = bool(os.environ.get("LADLE_SLOW"))
ROUNDS = 10 if SLOW else 5
SEEDS = range(10 if SLOW else 3)


def make_victim(ladle: Ladle, directory: Path, base: str, seed: int) -> tuple[Victim, float]:
    """Return a victim with the time that its first build took, whose result is in `first`."""
    victim = Victim(ladle, directory, base, random.Random(seed))
    victim.prepare()
    victim.set_round(0)
    began = time.monotonic()
    victim.build(directory / "first", directory / "first-store")
    return victim, time.monotonic() - began


def kill_once(victim: Victim, number: int, whole: float) -> None:
    """Kill one build somewhere, look over what is left, and let the next one end."""
    victim.set_round(number)
    seconds, depth = victim.random.uniform(0, whole), victim.random.choice((0, 0, 1, 2, 3))
    said = victim.kill_after(seconds, depth)
    assert "Traceback" not in said, said
    victim.assert_nothing_left()
    victim.assert_outputs_whole(victim.directory / "out", number)
    victim.build(victim.directory / "out")
    victim.assert_nothing_left()
    left = victim.ladle.store / "snapshots" / ".new"
    assert not left.exists() or list(left.iterdir()) == []


@pytest.mark.root
@pytest.mark.parametrize("seed", SEEDS)
def test_one_store_killed_again_and_again(ladle: Ladle, tmp_path: Path, registry: str, seed: int) -> None:
    victim, whole = make_victim(ladle, tmp_path, f"{registry}/busybox:latest", seed)
    for number in range(1, ROUNDS + 1):
        kill_once(victim, number, whole)
    victim.build(tmp_path / "fresh", tmp_path / "fresh-store")
    assert same_results(tmp_path / "out", tmp_path / "fresh")


@pytest.mark.root
@pytest.mark.parametrize("seed", [seed + 100 for seed in SEEDS])
def test_first_builds_killed(ladle: Ladle, tmp_path: Path, registry: str, seed: int) -> None:
    victim, whole = make_victim(ladle, tmp_path, f"{registry}/busybox:latest", seed)
    for _ in range(ROUNDS):
        kill_once(victim, 0, whole)
        assert same_results(tmp_path / "out", tmp_path / "first")
        shutil.rmtree(ladle.store)
        shutil.rmtree(tmp_path / "out")
