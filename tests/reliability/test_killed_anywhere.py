# SPDX-License-Identifier: Apache-2.0
"""Builds of root and of an ordinary user are killed by SIGKILL at random moments.

What is killed is ladle, its worker, a job, a guard or a step.

30 rounds; 210 with `LADLE_SLOW=1`. The seeds are fixed, the moments are shares of the time that a whole build takes.
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
SEEDS = range(7 if SLOW else 2)


class Rounds:
    """The rounds of one victim. The next moment to kill is drawn from the time that the last build of its kind took."""

    def __init__(self, ladle: Ladle, directory: Path, base: str, seed: int) -> None:
        self.victim = Victim(ladle, directory, base, random.Random(seed))
        self.victim.prepare()
        self.victim.set_round(0)
        self.number = 0
        self.hits = 0
        self.whole = self.timed_build(directory / "first", directory / "first-store")

    def timed_build(self, out: Path, store: Path | None = None) -> float:
        began = time.monotonic()
        self.victim.build(out, store)
        return time.monotonic() - began

    def kill(self, start_over: bool) -> None:
        """Kill a build, sooner each time until it has not ended by itself before."""
        seconds, depth = self.victim.random.uniform(0.05, self.whole), self.victim.random.choice((0, 0, 1, 2, 3, 9))
        for share in (1.0, 0.6, 0.3, 0.1):
            if start_over:
                shutil.rmtree(self.victim.ladle.store, ignore_errors=True)
            else:
                self.number += 1
                self.victim.set_round(self.number)
            hit = self.victim.kill_after(seconds * share, depth)
            self.hits += hit
            self.look()
            if hit:
                return

    def look(self) -> None:
        self.victim.assert_nothing_left()
        self.victim.assert_outputs_whole(self.victim.directory / "out")

    def build_next(self) -> float:
        seconds = self.timed_build(self.victim.directory / "out")
        self.look()
        left = self.victim.ladle.store / "snapshots" / ".new"
        assert not left.exists() or list(left.iterdir()) == []
        return seconds


def killed_again_and_again(ladle: Ladle, directory: Path, base: str, seed: int) -> None:
    rounds = Rounds(ladle, directory, base, seed)
    for _ in range(ROUNDS):
        rounds.kill(start_over=False)
        rounds.whole = rounds.build_next()
    assert rounds.hits >= ROUNDS - 1
    rounds.victim.build(directory / "fresh", directory / "fresh-store")
    assert same_results(directory / "out", directory / "fresh")


@pytest.mark.root
@pytest.mark.parametrize("seed", SEEDS)
def test_one_store_killed_again_and_again(ladle: Ladle, tmp_path: Path, registry: str, seed: int) -> None:
    killed_again_and_again(ladle, tmp_path, f"{registry}/busybox:latest", seed)


@pytest.mark.root
@pytest.mark.parametrize("seed", [seed + 200 for seed in SEEDS])
def test_an_ordinary_users_builds_killed(user_ladle: Ladle, user_home: Path, registry: str, seed: int) -> None:
    killed_again_and_again(user_ladle, user_home, f"{registry}/busybox:latest", seed)


@pytest.mark.root
@pytest.mark.parametrize("seed", [seed + 100 for seed in SEEDS])
def test_first_builds_killed(ladle: Ladle, tmp_path: Path, registry: str, seed: int) -> None:
    rounds = Rounds(ladle, tmp_path, f"{registry}/busybox:latest", seed)
    for _ in range(ROUNDS):
        rounds.kill(start_over=True)
        rounds.build_next()
        assert same_results(tmp_path / "out", tmp_path / "first")
        shutil.rmtree(tmp_path / "out")
    assert rounds.hits >= ROUNDS - 1
