# SPDX-License-Identifier: Apache-2.0
"""Many builds on one store with a tight cap, some of them killed: what survives is right, and the store stays sound."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.support.command import Ladle

_SECONDS = 60.0 if os.environ.get("LADLE_SLOW") else 6.0
_BUILDERS = 20 if os.environ.get("LADLE_SLOW") else 5
_CAP = 24 << 20
_TEXT = """FROM base AS one
RUN head -c 1500000 /dev/zero | tr '\\0' a > /one
FROM one AS two
RUN head -c 1500000 /dev/zero | tr '\\0' b{number} > /two
FROM base
COPY --from=one /one /
COPY --from=two /two /
RUN cat /one /two | cksum > /sum{variant}
"""


@pytest.fixture
def ladle(tmp_path: Path) -> Ladle:
    """Return a `ladle` whose store may have so many bytes."""
    config = tmp_path / "ladle.toml"
    config.write_text(f"[gc]\nmaxUsedSpace = {_CAP}\n")
    return Ladle([sys.executable, "-m", "ladle.core.cli"], tmp_path / "store", {"LADLE_CONFIG": str(config)})


class Builder(threading.Thread):
    """Builds variants one after the other, each into a directory of its own, and looks at what came of it."""

    def __init__(self, ladle: Ladle, place: Path, seed: int, end: float) -> None:
        super().__init__()
        self.ladle, self.place, self.end = ladle, place, end
        self.random = random.Random(seed)
        self.running: subprocess.Popen[bytes] | None = None
        self.good = 0
        self.killed = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        """Build until the end."""
        count = 0
        while time.monotonic() < self.end or not self.good:
            count += 1
            number, variant = self.random.randrange(3), self.random.randrange(4)
            directory = self.place / str(count)
            directory.mkdir(parents=True)
            (directory / "Dockerfile").write_text(_TEXT.format(number=number, variant=variant))
            out = directory / "out"
            self.running = self.ladle.start("build", "--build-context", "base=host://", "-o", out, directory)
            _, errors = self.running.communicate(timeout=300)
            if self.running.returncode == -signal.SIGKILL:
                self.killed += 1
            elif self.running.returncode != 0:
                self.wrong.append(errors.decode(errors="replace")[-2000:])
            else:
                self.good += 1
                self._look(out, number, variant)

    def _look(self, out: Path, number: int, variant: int) -> None:
        one, two = (out / "one").read_bytes(), (out / "two").read_bytes()
        whole = (one, two) == (b"a" * 1_500_000, f"b{number}".encode()[:1] * 1_500_000)
        if not whole or not (out / f"sum{variant}").read_text().endswith(" 3000000\n"):
            self.wrong.append(f"{number} {variant}: {len(one)} {len(two)}")


def used(store: Path) -> int:
    """Return the bytes that a directory takes."""
    done = subprocess.run(["du", "-s", "--block-size=1", store], capture_output=True, check=False)
    return int(done.stdout.split()[0])


def test_killed_builds_under_a_cap(ladle: Ladle, tmp_path: Path) -> None:
    end = time.monotonic() + _SECONDS
    builders = [Builder(ladle, tmp_path / f"builder-{number}", number, end) for number in range(_BUILDERS)]
    for builder in builders:
        builder.start()
    chooser = random.Random(1)
    pruned = 0
    while time.monotonic() < end:
        time.sleep(0.4)
        running = chooser.choice(builders).running
        if running is not None and running.poll() is None and chooser.random() < 0.4:
            running.kill()
        if chooser.random() < 0.2:
            ladle("prune", "--max-used-space", "8MB")
            pruned += 1
    for builder in builders:
        builder.join()
    assert [text for builder in builders for text in builder.wrong] == []
    assert all(builder.good for builder in builders)
    ladle("prune", "--max-used-space", str(_CAP))
    ladle("store", "check")
    assert used(ladle.store) <= _CAP + (2 << 20)
    ladle("prune", "--all")
    assert ladle("du", "--format", "json").stdout.count(b'"type": "regular"') == 0
