# SPDX-License-Identifier: Apache-2.0
"""The example source: a root file system out of a repository on loopback, and a step that runs in it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.command import Ladle, steps
from tests.support.images import busybox_layer
from tests.support.servers import Site, serving_files

pytestmark = pytest.mark.root

DATE = "Sun, 13 Sep 2020 12:26:40 UTC"
DOCKERFILE = "FROM base\nRUN cat /etc/marker > /said && id -u >> /said\n"


def package(folder: Path, version: str, marker: str) -> bytes:
    """Return a Debian package that is a whole small system."""
    tree = folder / f"tree-{version}"
    (tree / "DEBIAN").mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(busybox_layer())) as tar:
        tar.extractall(tree, filter="data")
    (tree / "etc/marker").write_text(f"{marker}\n")
    (tree / "DEBIAN/control").write_text(
        f"Package: tiny\nVersion: {version}\nArchitecture: all\nMaintainer: a test <t@example.org>\nDescription: tiny\n"
    )
    command = ["dpkg-deb", "--build", "--root-owner-group", "-Zgzip", str(tree), f"{tree}.deb"]
    subprocess.run(command, check=True, capture_output=True)
    return Path(f"{tree}.deb").read_bytes()


class Repository:
    """A repository of one package, as apt reads it."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self._folder = folder

    def publish(self, version: str, marker: str) -> None:
        """Serve a release whose package has this version."""
        deb = package(self._folder, version, marker)
        path = f"pool/tiny_{version}_all.deb"
        self.site.put(f"/debian/{path}", deb)
        entry = (
            f"Package: tiny\nVersion: {version}\nArchitecture: all\nMaintainer: t\nDescription: tiny\n"
            f"Filename: {path}\nSize: {len(deb)}\nSHA256: {hashlib.sha256(deb).hexdigest()}\n\n"
        ).encode()
        lists = {"Packages": entry, "Packages.gz": gzip.compress(entry, mtime=0)}
        lines = [
            f" {hashlib.sha256(data).hexdigest()} {len(data)} main/binary-amd64/{name}" for name, data in lists.items()
        ]
        for name, data in lists.items():
            self.site.put(f"/debian/dists/tiny/main/binary-amd64/{name}", data)
        head = f"Suite: tiny\nCodename: tiny\nDate: {DATE}\nArchitectures: amd64\nComponents: main\nSHA256:\n"
        self.site.put("/debian/dists/tiny/Release", (head + "\n".join(lines) + "\n").encode())

    @property
    def base(self) -> str:
        """The context that stands for its system."""
        return f"debian://tiny?mirror={self.site.url}/debian&variant=extract&include=tiny&trusted=yes"


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """Return a repository with a first release."""
    with serving_files() as site:
        made = Repository(site, tmp_path)
        made.publish("1", "first")
        yield made


def test_a_base_without_a_registry(
    ladle: Ladle, repository: Repository, context: Callable[..., Path], tmp_path: Path
) -> None:
    project, out = context({"Dockerfile": DOCKERFILE}), tmp_path / "out"
    flags = ("build", project, "--platform=linux/amd64", "--build-context", f"base={repository.base}")
    first = ladle(*flags, "-o", f"type=local,dest={out}")
    assert (out / "said").read_text() == "first\n0\n"
    assert any("FROM tiny@sha256:" in name for name in steps(first, "DONE")), first.stderr
    asked = len(repository.site.answers)
    again = ladle(*flags, "-o", f"type=local,dest={out}")
    assert b"2 steps, 2 cached" in again.stderr
    assert [path for path, _ in repository.site.answers[asked:]] == [
        "/debian/dists/tiny/InRelease",
        "/debian/dists/tiny/Release",
    ]
    repository.publish("2", "second")
    ladle(*flags, "-o", f"type=local,dest={out}")
    assert (out / "said").read_text() == "second\n0\n"


LANGUAGES = {
    "ladle.yaml": "stages:\n  it:\n    from: base\n    steps:\n      - run: cat /etc/marker > /said\n",
    "ladle.py": (
        "from ladle.frontends.python import image, run, target\n\n@target\ndef it():\n"
        "    return image('base').with_(run('cat /etc/marker > /said'))\n"
    ),
    "Procfile": "# syntax=procfile base=base\nweb: true\n",
}


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_language_has_it(
    ladle: Ladle, repository: Repository, context: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    project = context({name: LANGUAGES[name], "requirements.txt": ""})
    flags = ("--platform=linux/amd64", "--build-context", f"base={repository.base}", "-f", project / name)
    ladle("build", project, *flags, "-o", f"type=local,dest={tmp_path}/out")
    assert (tmp_path / "out/etc/marker").read_text() == "first\n"
    assert name == "Procfile" or (tmp_path / "out/said").read_text() == "first\n"


def test_offline_it_is_what_it_was(
    ladle: Ladle, repository: Repository, context: Callable[..., Path], tmp_path: Path
) -> None:
    project, out = context({"Dockerfile": DOCKERFILE}), tmp_path / "out"
    flags = ("build", project, "--platform=linux/amd64", "--build-context", f"base={repository.base}")
    done = ladle(*flags, "--offline", check=False)
    assert done.returncode == 1
    assert b"is not in the store, and --offline was given" in done.stderr
    ladle(*flags)
    repository.publish("2", "second")
    asked = len(repository.site.answers)
    ladle(*flags, "--offline", "-o", f"type=local,dest={out}")
    assert (out / "said").read_text() == "first\n0\n"
    assert len(repository.site.answers) == asked


def test_the_same_release_gives_the_same_image(
    ladle: Ladle, repository: Repository, context: Callable[..., Path], tmp_path: Path
) -> None:
    project = context({"Dockerfile": "FROM base\n"})
    digests = set()
    for name in ("one", "two"):
        ladle(
            *("build", project, "--platform=linux/amd64", "--build-context", f"base={repository.base}"),
            *("-o", f"type=oci,tar=false,dest={tmp_path / name}"),
            env={"LADLE_ROOT": str(tmp_path / f"store-{name}")},
        )
        digests.add(json.loads((tmp_path / name / "index.json").read_text())["manifests"][0]["digest"])
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("debian://tiny?variant=nonsense", "variant=nonsense is none of minbase"),
        ("debian://absent?trusted=yes&mirror={url}/debian", "the server answered 404"),
        ("debian://tiny?trusted=yes&variant=extract&include=absent&mirror={url}/debian", "absent"),
        ("debain://tiny", "'debain' is no kind of context"),
    ],
)
def test_what_is_wrong_is_told(
    ladle: Ladle, repository: Repository, context: Callable[..., Path], base: str, expected: str
) -> None:
    project = context({"Dockerfile": DOCKERFILE})
    flags = ("--platform=linux/amd64", "--build-context", f"base={base.format(url=repository.site.url)}")
    done = ladle("build", project, *flags, check=False)
    assert done.returncode in (1, 2)
    assert expected in done.stderr.decode()
    assert b"Traceback" not in done.stderr
