# SPDX-License-Identifier: Apache-2.0
"""One application built three ways: what the Dockerfile built is there for the YAML and the Python build file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.support.command import Ladle, steps

SAME = Path(__file__).parents[3] / "examples" / "same"
OTHERS = ("ladle.yaml", "ladle.py")


def contexts(directory: Path, busybox: Path) -> list[str]:
    """Return the flags that give the examples their base image and their data."""
    return [
        f"--build-context=busybox:1.36=oci-layout://{busybox}:latest",
        f"--build-context=data={directory / 'data'}",
    ]


def copied(name: str, tmp_path: Path) -> Path:
    """Return a copy of an example."""
    return Path(shutil.copytree(SAME / name, tmp_path / name))


def test_what_one_built_is_cached_for_the_others(ladle: Ladle, busybox: Path, tmp_path: Path) -> None:
    directory = copied("report", tmp_path)
    flags = contexts(directory, busybox)
    first = ladle("build", directory, *flags, "-o", tmp_path / "Dockerfile-out")
    assert len([name for name in steps(first, "DONE") if " RUN " in name]) == 2
    for file in OTHERS:
        out = tmp_path / f"{file}-out"
        done = ladle("build", "-f", directory / file, directory, *flags, "-o", out)
        ran = [name for name in steps(done, "DONE") if "[internal]" not in name and "load" not in name]
        assert [name for name in ran if "export" not in name] == []
        assert len(steps(done, "CACHED")) >= 4
        assert (out / "report.txt").read_text() == "What was cooked this week:\nsoup\nbread\nstew\n"
        assert (out / "lines.txt").read_text().strip() == "4"
    directory.joinpath("data/monday.txt").write_text("tea\n")
    changed = ladle("build", "-f", directory / "ladle.py", directory, *flags, "-o", tmp_path / "changed")
    assert steps(changed, "DONE")
    assert "tea" in (tmp_path / "changed/report.txt").read_text()


def test_the_images_have_the_same_layers_and_run_the_same(ladle: Ladle, busybox: Path, tmp_path: Path) -> None:
    directory = copied("page", tmp_path)
    flags = [*contexts(directory, busybox)[:1], "--build-arg=SOURCE_DATE_EPOCH=1700000000"]
    found = []
    for file in ("Dockerfile", *OTHERS):
        out = tmp_path / f"{file}-oci"
        ladle("build", "-f", directory / file, directory, *flags, "-o", f"type=oci,tar=false,dest={out}")
        found.append(image_at(out))
    assert found[0] == found[1] == found[2]
    assert found[0]["config"]["Cmd"] == ["httpd", "-f", "-p", "8080"]


def image_at(layout: Path) -> dict[str, Any]:
    """Return layers and config of the only image of a layout; of the history only what made a layer."""

    def blob(descriptor: dict[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(layout.joinpath("blobs", *descriptor["digest"].split(":")).read_text())
        return found

    found: dict[str, Any] = json.loads((layout / "index.json").read_text())
    while "manifests" in found:
        found = blob(found["manifests"][0])
    config = blob(found["config"])
    config["history"] = [entry.get("created") for entry in config["history"] if not entry.get("empty_layer")]
    return {**config, "blobs": [each["digest"] for each in found["layers"]]}
