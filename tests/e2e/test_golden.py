# SPDX-License-Identifier: Apache-2.0
"""Each golden case from end to end: config, tree and layers equal what BuildKit made of the same Dockerfile."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from tests.support.command import Ladle
from tests.support.images import Layout, busybox_layer
from tests.support.trees import Row, read_golden, tar_table

GOLDEN = Path(__file__).parents[1] / "cases" / "golden"
BASE = json.loads((GOLDEN.parent / "golden-base" / "config.json").read_text())
EPOCH = "1700000000"


def cases() -> list[str]:
    """Return the cases that build."""
    found = []
    for directory in sorted(GOLDEN.iterdir()):
        case = json.loads((directory / "case.json").read_text())
        if case.get("fails") or case.get("llb_only"):
            continue
        found.append(directory.name)
    return found


@pytest.fixture(scope="session")
def golden_base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a layout with the base that the golden cases were built on, and its layer's diff id."""
    directory = tmp_path_factory.mktemp("golden") / "layout"
    layout = Layout(directory)
    layer = busybox_layer()
    layout.image("latest", BASE, [layer])
    return directory, layout.blob(layer)


@pytest.mark.parametrize("name", cases())
def test_equals_buildkit(ladle: Ladle, golden_base: tuple[Path, str], tmp_path: Path, name: str) -> None:
    directory, base_diff_id = golden_base
    case = json.loads((GOLDEN / name / "case.json").read_text())
    flags = [f"--{key}={value}" for key, value in case["opts"].items() if ":" not in key and key != "filename"]
    flags += [f"--build-arg={key.partition(':')[2]}={value}" for key, value in case["opts"].items() if ":" in key]
    for secret, value in case.get("secrets", {}).items():
        (tmp_path / secret).write_text(value)
        flags.append(f"--secret=id={secret},src={tmp_path / secret}")
    if "filename" in case["opts"]:
        flags.append(f"-f={GOLDEN / name / 'context' / case['opts']['filename']}")
    ladle(
        "build",
        *flags,
        f"--build-context=busybox=oci-layout://{directory}:latest",
        f"--output=type=oci,dest={tmp_path}/image.tar,rewrite-timestamp=true",
        f"--output=type=tar,dest={tmp_path}/tree.tar",
        GOLDEN / name / "context",
        env={"SOURCE_DATE_EPOCH": EPOCH},
    )
    expected = (GOLDEN / name / "config.json").read_text()
    config = read_config(tmp_path / "image.tar").replace(base_diff_id, BASE["rootfs"]["diff_ids"][0])
    assert json.loads(config) == json.loads(expected)
    assert config == expected
    with (tmp_path / "tree.tar").open("rb") as file:
        assert changes(tar_table(file)) == read_golden(GOLDEN / name / "tree.txt")


def read_config(path: Path) -> str:
    """Return the exact text of the image config in an OCI tar."""
    with tarfile.open(path) as tar:

        def blob(digest: str) -> bytes:
            file = tar.extractfile(f"blobs/{digest.replace(':', '/')}")
            assert file is not None
            return file.read()

        index = tar.extractfile("index.json")
        assert index is not None
        manifest = json.loads(blob(json.load(index)["manifests"][0]["digest"]))
        return blob(manifest["config"]["digest"]).decode()


def changes(rows: dict[str, Row]) -> dict[str, Row | None]:
    """Return a tree as the golden data lists it: on busybox only what is not in or differs from the base."""
    base = tar_table(io.BytesIO(busybox_layer()))
    if "/bin/busybox" not in rows:
        return dict(rows)
    found: dict[str, Row | None] = {path: row for path, row in rows.items() if base.get(path) != row}
    return found | {path: None for path in base if path not in rows}
