# SPDX-License-Identifier: Apache-2.0
"""The example frontend: a Python project with a Procfile, built on this machine's Python and run."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Ladle

PROCFILE = "# syntax=procfile base=host://\nweb: python app.py\nworker: python app.py work\n"
APP = "import sys, greeting\nprint(greeting.hello(), *sys.argv[1:])\n"


def wheel(folder: Path, version: str) -> None:
    """Write a distribution that a requirement can name."""
    info = f"greeting-{version}.dist-info"
    files = {
        "greeting.py": f"def hello():\n    return 'hello from {version}'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: greeting\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},"
        for name, text in files.items()
    ]
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"}.items():
            archive.writestr(name, text)
    (folder / f"greeting-{version}-py3-none-any.whl").write_bytes(buffer.getvalue())


@pytest.fixture
def project(context: Callable[..., Path]) -> Path:
    """Return a project whose requirement lies beside it."""
    made = context({"Procfile": PROCFILE, "app.py": APP, "requirements.txt": "--no-index\n-f vendor\ngreeting==1.0\n"})
    wheel(made / "vendor", "1.0")
    return made


def test_a_project_becomes_an_image_that_runs(ladle: Ladle, project: Path, tmp_path: Path) -> None:
    tree, layout = tmp_path / "tree", tmp_path / "layout"
    flags = ("-f", project / "Procfile", "--allow", "host")
    outputs = ("-o", f"type=local,dest={tree}", "-o", f"type=oci,tar=false,dest={layout}")
    first = ladle("build", *flags, *outputs, project)
    assert "requirements are installed again for each change of the source" in first.stderr.decode()
    config = image_config(layout)
    assert config["Entrypoint"] == ["/bin/sh", "-c", "exec python app.py"]
    assert (config["WorkingDir"], config["User"]) == ("/app", "1000:1000")
    assert said(tree) == "hello from 1.0\n"
    (project / "app.py").write_text(APP.replace("print(", "print('now', "))
    ladle("build", *flags, *outputs, project)
    assert said(tree) == "now hello from 1.0\n"


def image_config(layout: Path) -> dict[str, Any]:
    """Return the configuration of a layout's image."""

    def document(digest: str) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((layout / "blobs" / digest.replace(":", "/")).read_text())
        return read

    (manifest,) = json.loads((layout / "index.json").read_text())["manifests"]
    found: dict[str, Any] = document(document(manifest["digest"])["config"]["digest"])["config"]
    return found


def said(tree: Path) -> str:
    """Return what the tree's program prints, with what the build has installed for it."""
    (site,) = tree.glob("opt/venv/lib/python3*/site-packages")
    command = [
        "python3",
        "-E",
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {str(site)!r}); exec(open('app.py').read())",
    ]
    return subprocess.run(command, cwd=tree / "app", check=True, capture_output=True, text=True).stdout


def test_processes_are_targets(ladle: Ladle, project: Path) -> None:
    listed = ladle("build", project, "-f", project / "Procfile", "--call=targets").stdout.decode()
    assert "worker  python app.py work\n" in listed


def test_mistakes_are_told_with_their_places(ladle: Ladle, project: Path) -> None:
    (project / "Procfile").write_text(PROCFILE + "nonsense\n")
    done = ladle("build", project, "-f", project / "Procfile", "-o", "type=cacheonly", check=False)
    assert done.returncode == 1
    assert b"error[PROC0001]: this line is no process" in done.stderr
    assert b"Procfile:4:1" in done.stderr
    (project / "Procfile").write_text(PROCFILE)
    done = ladle("build", project, "-f", project / "Procfile", "--target", "wroker", check=False)
    assert b"did you mean 'worker'?" in done.stderr
