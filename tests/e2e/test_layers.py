# SPDX-License-Identifier: Apache-2.0
"""The layers of whole builds: digest, entries and their order are BuildKit's, for root and for an ordinary user."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Ladle
from tests.support.images import Layout, busybox_layer

GOLDEN = Path(__file__).parents[1] / "cases" / "golden"
BASE = json.loads((GOLDEN.parent / "golden-base" / "config.json").read_text())
CASES = sorted(path.parent.name for path in GOLDEN.glob("layers-*/layers.txt"))
CHAIN = 450

Layer = tuple[str, list[str]]


def read_layers(path: Path) -> list[Layer]:
    """Return diff id and entries of each layer of a golden `layers.txt`, without the base's."""
    found: list[Layer] = []
    for line in path.read_text().splitlines():
        words = line.split()
        if words[0] == "layer" and "\t" not in line:
            found.append((words[2], []))
        else:
            found[-1][1].append(line)
    return found[1:]


def made_layers(path: Path) -> list[Layer]:
    """Return diff id and entries of each layer of an OCI image tar, without the lowest."""
    found: list[Layer] = []
    with tarfile.open(path) as tar:

        def blob(digest: str) -> bytes:
            file = tar.extractfile(f"blobs/{digest.replace(':', '/')}")
            assert file is not None
            return file.read()

        index = tar.extractfile("index.json")
        assert index is not None
        manifest = json.loads(blob(json.load(index)["manifests"][0]["digest"]))
        diff_ids = json.loads(blob(manifest["config"]["digest"]))["rootfs"]["diff_ids"]
        for layer, diff_id in list(zip(manifest["layers"], diff_ids, strict=True))[1:]:
            data = gzip.decompress(blob(layer["digest"]))
            assert f"sha256:{hashlib.sha256(data).hexdigest()}" == diff_id
            with tarfile.open(fileobj=io.BytesIO(data)) as inner:
                found.append((diff_id, [row(member) for member in inner]))
    return found


def row(member: tarfile.TarInfo) -> str:
    """Return an entry as the golden data lists it."""
    kinds = {tarfile.DIRTYPE: "d", tarfile.SYMTYPE: "l", tarfile.LNKTYPE: "h", tarfile.FIFOTYPE: "p"}
    kind = kinds.get(member.type, "f")
    size = member.size if kind == "f" else 0
    link = member.linkname or "-"
    fields = (member.name, kind, f"{member.mode:04o}", member.uid, member.gid, size, link, int(member.mtime))
    return "\t".join(map(str, fields))


def build_case(run: Ladle, name: str, place: Path) -> Path:
    """Build a golden case on the base that it was recorded on; return the image."""
    layout = Layout(place / "layout")
    layout.image("latest", BASE, [busybox_layer()])
    shutil.copytree(GOLDEN / name / "context", place / "context", symlinks=True)
    run(
        "build",
        f"--build-context=busybox=oci-layout://{place}/layout:latest",
        f"--output=type=oci,dest={place}/image.tar,rewrite-timestamp=true",
        place / "context",
        env={"SOURCE_DATE_EPOCH": "1700000000"},
    )
    return place / "image.tar"


@pytest.mark.root
@pytest.mark.parametrize("name", CASES)
def test_layers_are_those_of_buildkit(ladle: Ladle, tmp_path: Path, name: str) -> None:
    assert made_layers(build_case(ladle, name, tmp_path)) == read_layers(GOLDEN / name / "layers.txt")


@pytest.mark.root
@pytest.mark.parametrize("name", CASES)
def test_an_ordinary_user_makes_the_same_layers(user_ladle: Ladle, user_home: Path, name: str) -> None:
    place = user_home / "work"
    place.mkdir()
    place.chmod(0o777)
    assert made_layers(build_case(user_ladle, name, place)) == read_layers(GOLDEN / name / "layers.txt")


def test_a_name_that_would_remove_another_is_refused(ladle: Ladle, context: Callable[..., Path]) -> None:
    text = "FROM scratch\nCOPY x /etc/\nCOPY .wh.x /etc/\nCOPY x /other\n"
    files = context({"Dockerfile": text, "x": "1", ".wh.x": "2"})
    done = ladle("build", "-o", "type=oci,dest=image.tar", files, cwd=files.parent, check=False)
    said = done.stderr.decode()
    assert (done.returncode, "LA0604" in said, "/etc/.wh.x:" in said) == (1, True, True), said
    assert "note: the layer was made by [3/4] COPY .wh.x /etc/" in said or "COPY .wh.x /etc/\n" in said, said
    assert not (files.parent / "image.tar").exists()
    ladle("build", "-o", "type=local,dest=out", files, cwd=files.parent)
    assert sorted(path.name for path in (files.parent / "out/etc").iterdir()) == [".wh.x", "x"]


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize("who", ["root", "user"])
def test_a_chain_longer_than_one_overlay(
    who: str, request: pytest.FixtureRequest, context: Callable[..., Path], busybox: Path
) -> None:
    run: Ladle = request.getfixturevalue("ladle" if who == "root" else "user_ladle")
    place = run.store.parent / "chain"
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    steps = [
        f"COPY file /copies/{n}" if n % 45 else f"RUN echo {n} > /last && rm /copies/{n - 9}"
        for n in range(1, CHAIN + 1)
    ]
    directory = context({"Dockerfile": "\n".join(["FROM busybox", *steps]), "file": "x"}, base=place)
    run(
        "build",
        f"--build-context=busybox=oci-layout://{busybox}:latest",
        f"--output=type=oci,dest={place}/image.tar",
        f"--output=type=tar,dest={place}/tree.tar",
        directory,
        timeout=280,
    )
    assert len(made_layers(place / "image.tar")) == CHAIN
    with tarfile.open(place / "tree.tar") as tar:
        names = set(tar.getnames())
        last = tar.extractfile("last")
        assert last is not None
        assert last.read() == b"450\n"
    expected = {n for n in range(1, CHAIN + 1) if n % 45} - {n - 9 for n in range(45, CHAIN + 1, 45)}
    assert {name for name in names if name.startswith("copies/")} == {f"copies/{number}" for number in expected}
