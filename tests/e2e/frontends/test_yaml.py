# SPDX-License-Identifier: Apache-2.0
"""Build files in YAML, really built: packages from a repository of Debian, users, tests of the result, calls."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Ladle
from tests.support.servers import Site, serving_files

pytestmark = pytest.mark.root
Write = Callable[..., Path]
Build = Callable[..., Any]
DATE = "Sun, 13 Sep 2020 12:26:40 UTC"
SPEC = """stages:
  app:
    from: debian
    packages:
      apt:
        install: [PACKAGES]
        repositories:
          - {name: ours, url: "URL", suite: tiny, trusted: true}
    users: [app]
    user: app
    steps:
      - {file: /home/app/conf, content: "port = 80\\n", mode: "0640"}
      - run: one > said && id -un >> said
        workdir: /home/app
    tests:
      - {run: one, stdout: {equals: "one is here"}}
      - {file: /home/app/conf, mode: "0640", content: port}
"""


class Repository:
    """A repository of small packages, as apt reads it; Debian's own lists are not asked."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self._folder = folder
        self._entries = b""

    def add(self, name: str) -> None:
        """Serve a package with a program of its name."""
        tree = self._folder / name
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "usr/bin").mkdir(parents=True)
        (tree / "usr/bin" / name).write_text(f"#!/bin/sh\necho {name} is here\n")
        (tree / "usr/bin" / name).chmod(0o755)
        control = (
            f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: a test <t@example.org>\nDescription: x\n"
        )
        (tree / "DEBIAN/control").write_text(control)
        subprocess.run(
            ["dpkg-deb", "--build", "--root-owner-group", tree, f"{tree}.deb"], check=True, capture_output=True
        )
        deb = Path(f"{tree}.deb").read_bytes()
        path = f"pool/{name}_1_all.deb"
        self.site.put(f"/debian/{path}", deb)
        size = f"Filename: {path}\nSize: {len(deb)}\nSHA256: {hashlib.sha256(deb).hexdigest()}\n\n"
        self._entries += (control + size).encode()
        self._publish()

    def _publish(self) -> None:
        lists = {"Packages": self._entries, "Packages.gz": gzip.compress(self._entries, mtime=0)}
        lines = []
        for name, data in lists.items():
            self.site.put(f"/debian/dists/tiny/main/binary-amd64/{name}", data)
            lines.append(f" {hashlib.sha256(data).hexdigest()} {len(data)} main/binary-amd64/{name}")
        head = f"Suite: tiny\nCodename: tiny\nDate: {DATE}\nArchitectures: amd64\nComponents: main\nSHA256:\n"
        self.site.put("/debian/dists/tiny/Release", (head + "\n".join(lines) + "\n").encode())


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """Return a repository of two packages."""
    with serving_files() as site:
        made = Repository(site, tmp_path / "packages")
        made.add("one")
        made.add("two")
        yield made


@pytest.fixture
def bare(debian: Path, context: Write, ladle: Ladle, tmp_path: Path) -> str:
    """Return the named context of a Debian without sources of its own, so that only the test's repository is asked."""
    text = (
        "FROM debian\nRUN rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* && mkdir -p /etc/apt/sources.list.d\n"
    )
    directory = context({"Dockerfile": text}, name="bare")
    layout = tmp_path / "bare"
    given = f"debian=oci-layout://{debian}:latest"
    ladle("build", "--build-context", given, "-o", f"type=oci,tar=false,dest={layout}", "-t", "debian:bare", directory)
    return f"debian=oci-layout://{layout}"


@pytest.fixture
def build(ladle: Ladle, context: Write, bare: str) -> Build:
    """Return a function that builds a spec with the network of the machine, on which the repository is."""

    def run(text: str, *flags: str | Path, **more: Any) -> Any:
        directory = context({"ladle.yaml": text})
        network = ("--network", "host", "--allow", "network.host")
        return ladle("build", "--build-context", bare, *network, "--progress", "plain", *flags, directory, **more)

    return run


def spec(repository: Repository, packages: str, text: str = SPEC) -> str:
    """Return the build file with packages of a repository."""
    return text.replace("PACKAGES", packages).replace("URL", f"{repository.site.url}/debian")


def test_packages_users_and_tests(build: Build, repository: Repository, tmp_path: Path) -> None:
    done = build(spec(repository, "one"), "-o", f"type=tar,dest={tmp_path}/out.tar")
    with tarfile.open(tmp_path / "out.tar") as tar:
        names = set(tar.getnames())
        said = tar.extractfile("home/app/said")
        assert said is not None
        assert said.read() == b"one is here\napp\n"
    assert "usr/bin/one" in names
    assert not [name for name in names if name.endswith(("_Packages", "_Release", ".deb"))]
    assert "var/log/dpkg.log" not in names
    assert "cached" in done.stderr.decode()
    again = build(spec(repository, "one")).stderr.decode()
    assert "DONE" not in "".join(line for line in again.splitlines() if "apt" in line)
    fetched = [path for path, _ in repository.site.answers if path.endswith(".deb")]
    assert len(fetched) == 1
    build(spec(repository, "one, two"))
    assert [path[-13:] for path, _ in repository.site.answers if path.endswith(".deb")] == [
        "one_1_all.deb",
        "two_1_all.deb",
    ]


@pytest.mark.parametrize(
    ("test", "line", "said"),
    [
        ("{run: one, stdout: nothing like it}", 18, "one is here"),
        ("{run: one, exit: 3}", 18, "exit"),
        ("{file: /absent}", 18, "/absent"),
        ('{file: /home/app/conf, mode: "0600"}', 18, "640"),
        ("{file: /home/app/conf, exists: false}", 18, "/home/app/conf"),
        ("{file: /home/app/conf, content: {matches: ^x}}", 18, "conf"),
    ],
)
def test_a_test_of_the_result_that_fails_fails_the_build(
    ladle: Ladle, context: Write, busybox: Path, test: str, line: int, said: str
) -> None:
    head = "stages:\n  app:\n    from: base\n    steps:\n"
    head += '      - {file: /home/app/conf, content: "port = 80\\n", mode: "0640"}\n'
    head += '      - {file: /bin/one, content: "#!/bin/sh\\necho one is here\\n", mode: "0755"}\n'
    directory = context({"ladle.yaml": head + "#\n" * (line - 8) + f"    tests:\n      - {test}\n"})
    done = ladle("build", "--build-context", f"base=oci-layout://{busybox}:latest", directory, check=False)
    text = done.stderr.decode()
    assert done.returncode == 1
    assert f"ladle.yaml:{line}" in text
    assert said in text
    assert "Traceback" not in text


def test_calls_and_mistakes_by_the_command(ladle: Ladle, context: Write) -> None:
    directory = context({"ladle.yaml": "args: {n: 3}\nstages:\n  a: {from: scratch, description: an end}\n"})
    assert "an end" in ladle("build", "--call", "targets", directory).stdout.decode()
    assert json.loads(ladle("build", "--call", "outline,format=json", directory).stdout)["args"][0]["type"] == "int"
    assert json.loads(ladle("build", "--call", "schema", directory).stdout)["title"]
    assert "Check complete" in ladle("check", directory).stdout.decode()
    (directory / "ladle.yaml").write_text("stages:\n  a:\n\tfrom: x\n")
    done = ladle("build", directory, check=False)
    assert (done.returncode, "ladle.yaml:3:1" in done.stderr.decode()) == (1, True)
