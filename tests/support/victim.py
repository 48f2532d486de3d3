# SPDX-License-Identifier: Apache-2.0
"""A build that does everything (pulls, copies, runs, writes every kind of output), to be killed and looked over.

Every file of its result is known beforehand but for what the round's number goes into: a half-written one shows.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import random
import signal
import subprocess
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.command import Ladle
from tests.support.processes import alive, descendants, eventually, processes_with
from tests.support.trees import directory_table

DOCKERFILE = """\
FROM {base} AS left
COPY many /many
RUN cat /many/* > /all && seq 1 60000 > /numbers
FROM {base} AS right
COPY round /round
RUN read n < /round && seq $n $((n + 40000)) > /counted && mkdir /d && for i in 1 2 3 4 5 6; do echo $i > /d/$i; done
FROM left
COPY big /big
COPY --from=right /counted /d /from-right/
RUN sha256sum /big /all /from-right/counted > /sums && mv /numbers /moved
"""
KINDS = {"oci.tar": "oci", "docker.tar": "docker", "tree.tar": "tar"}
EPOCH = "1700000000"


@dataclass
class Victim:
    """A build in a directory of its own."""

    ladle: Ladle
    directory: Path
    base: str
    random: random.Random
    wholes: dict[str, set[str]] = field(default_factory=dict)
    """Paths below `local` to the digests that whole files there may have."""

    def prepare(self) -> None:
        """Write the context."""
        many = self.directory / "context" / "many"
        many.mkdir(parents=True)
        for number in range(60):
            (many / f"f{number}").write_bytes(self.random.randbytes(self.random.randrange(5000)))
        (self.directory / "context" / "big").write_bytes(self.random.randbytes(2 << 20))
        (self.directory / "context" / "Dockerfile").write_text(DOCKERFILE.format(base=self.base))

    def set_round(self, number: int) -> None:
        """Change the context."""
        (self.directory / "context" / "round").write_text(f"{number}\n")
        counted = "".join(f"{n}\n" for n in range(number, number + 40001)).encode()
        self.wholes.setdefault("/from-right/counted", set()).add(hashlib.sha256(counted).hexdigest())

    def arguments(self, out: Path) -> list[str]:
        """Return the command line of a build to a directory."""
        outputs = [f"--output=type={kind},dest={out}/{name},rewrite-timestamp=true" for name, kind in KINDS.items()]
        outputs[-1] = outputs[-1].removesuffix(",rewrite-timestamp=true")
        outputs += [f"--output=type=local,dest={out}/local", f"--output=type=oci,tar=false,dest={out}/layout"]
        return ["build", "-t", "it:1", *outputs, str(self.directory / "context")]

    def build(self, out: Path, store: Path | None = None) -> None:
        """Build to the end, and remember what whole files look like."""
        env = {"SOURCE_DATE_EPOCH": EPOCH} | ({"LADLE_ROOT": str(store)} if store else {})
        self.ladle(*self.arguments(out), env=env)
        for path, digest in file_digests(out / "local").items():
            self.wholes.setdefault(path, set()).add(digest)

    def kill_after(self, seconds: float, depth: int) -> bool:
        """Start a build and kill it, or what is `depth` levels below it, after some time; says whether it still ran."""
        ladle = Ladle(self.ladle.command, self.ladle.store, {"SOURCE_DATE_EPOCH": EPOCH})
        process = ladle.start(*self.arguments(self.directory / "out"))
        time.sleep(seconds)
        below = descendants(process.pid)
        target = process.pid if depth == 0 or not below else below[min(depth, len(below)) - 1]
        ran = process.poll() is None
        try:
            os.kill(target, signal.SIGKILL)
        except ProcessLookupError:
            ran = False
        try:
            _, said = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGABRT)
            raise AssertionError(f"the build hangs after depth {depth} was killed") from None
        assert eventually(lambda: not alive(below)), alive(below)
        assert b"Traceback" not in said, said.decode(errors="replace")
        assert process.returncode in (0, 1, -signal.SIGKILL), said.decode(errors="replace")
        return ran

    def assert_nothing_left(self) -> None:
        """No process, mount or held lock, and a store that a check finds sound."""
        store = str(self.ladle.store)
        assert eventually(lambda: processes_with(store) == []), processes_with(store)
        assert store not in Path("/proc/self/mounts").read_text()
        assert held_locks(self.ladle.store) == []
        if (self.ladle.store / "ladle.db").exists():
            self.ladle("store", "check")

    def assert_outputs_whole(self, out: Path) -> None:
        """Whatever lies under a final name is whole: as an earlier build wrote it, or this one."""
        for path, digest in file_digests(out / "local").items():
            if path == "/sums":
                assert (out / "local" / path[1:]).read_text().count("\n") == 3
                continue
            assert digest in self.wholes[path], path
        for name in KINDS:
            if (out / name).exists():
                assert_whole_archive(out / name)
        assert_whole_layout(out / "layout")


def held_locks(store: Path) -> list[str]:
    """Return the locks that some process holds."""
    held = []
    for path in sorted((store / "locks").glob("*")):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                held.append(path.name)
    return held


def file_digests(tree: Path) -> dict[str, str]:
    """Return the regular files below a directory with their digests; hidden temporary ones are not a result."""
    found = {}
    for folder, _, names in os.walk(tree):
        for name in names:
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink() and not name.startswith(".ladle-"):
                found[f"/{path.relative_to(tree)}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def assert_whole_archive(path: Path) -> None:
    """Read an archive to its end; blobs must be what their names say."""
    assert path.stat().st_size % 512 == 0
    assert path.read_bytes()[-1024:] == bytes(1024)
    with tarfile.open(path) as tar:
        for member in tar:
            data = (tar.extractfile(member) or io.BytesIO()).read() if member.isreg() else b""
            assert len(data) == member.size
            if member.name.startswith("blobs/sha256/") and member.isreg():
                assert hashlib.sha256(data).hexdigest() == member.name.rpartition("/")[2]


def assert_whole_layout(path: Path) -> None:
    """Every blob of a layout is what its name says, and the index, if it is there, names a manifest that is there."""
    for blob in path.glob("blobs/sha256/[0-9a-f]*"):
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    if (path / "index.json").exists():
        for entry in json.loads((path / "index.json").read_text())["manifests"]:
            manifest = json.loads((path / "blobs" / entry["digest"].replace(":", "/")).read_text())
            for each in (manifest["config"], *manifest["layers"]):
                assert (path / "blobs" / each["digest"].replace(":", "/")).stat().st_size == each["size"]


def same_results(out: Path, other: Path) -> bool:
    """Say whether two builds wrote the same."""
    assert directory_table(out / "local", owners=False) == directory_table(other / "local", owners=False)
    return all((out / name).read_bytes() == (other / name).read_bytes() for name in ("oci.tar", "docker.tar"))
