# SPDX-License-Identifier: Apache-2.0
"""COPY when it runs: where from, owners, modes, links, parents, excludes, here-documents (1.5 and 1.6 of the list)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Ladle, steps
from tests.support.trees import tar_table

Built = Callable[..., Path]


def tree(root: Path) -> set[str]:
    """Return the paths of all files."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}


@pytest.fixture
def table(ladle: Ladle, context: Callable[..., Path], busybox: Path, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Return a function that builds a Dockerfile and gives `mode uid:gid` by path."""

    def build(dockerfile: str, **files: str) -> dict[str, str]:
        directory = context({"Dockerfile": dockerfile, **files})
        base = f"--build-context=busybox=oci-layout://{busybox}"
        ladle("build", base, "-o", f"type=tar,dest={tmp_path}/out.tar", directory)
        with (tmp_path / "out.tar").open("rb") as file:
            return {path: f"{row[2]} {row[3]}:{row[4]}" for path, row in tar_table(file).items()}

    return build


@pytest.mark.row("DF-25", "DF-55")
def test_from_a_stage_an_index_and_an_image(built: Built) -> None:
    out = built("""\
FROM busybox AS first
RUN echo 1 > /one
FROM busybox
RUN echo 2 > /two
FROM scratch
COPY --from=first /one /
COPY --from=1 /two /
COPY --from=0 /one /again
COPY --from=busybox /etc/group /
""")
    assert tree(out) == {"one", "two", "again", "group"}
    assert (out / "again").read_text() == "1\n"


@pytest.mark.row("DF-51")
def test_owners_by_name_are_those_of_the_target(table: Callable[..., dict[str, str]]) -> None:
    rows = table(
        """\
FROM busybox
RUN echo 'app:x:1234:55::/:/bin/sh' >> /etc/passwd && echo 'staff:x:77:' >> /etc/group
COPY --chown=app a /name
COPY --chown=app:staff a /both
COPY --chown=:staff a /group
COPY --chown=9 a /number
COPY --chown=9:8 a /numbers
COPY --chown=app:3 a /mixed
COPY a /plain
""",
        a="",
    )
    owners = {path[1:]: row.partition(" ")[2] for path, row in rows.items()}
    expected = {"name": "1234:55", "both": "1234:77", "group": "0:77", "number": "9:9", "numbers": "9:8"}
    assert {name: owners[name] for name in expected} == expected
    assert (owners["mixed"], owners["plain"]) == ("1234:3", "0:0")


@pytest.mark.row("DF-51")
def test_modes(ladle: Ladle, context: Callable[..., Path], tmp_path: Path) -> None:
    dockerfile = """\
FROM scratch
COPY d /kept/
COPY --chmod=4711 d /octal/
COPY --chmod=u=rwX,go= d /symbolic/
COPY --chmod=a-w,g+x d/plain /changed
"""
    directory = context({"Dockerfile": dockerfile, "d/plain": "", "d/run": "", "d/sub/x": ""})
    for name, mode in {"d/plain": 0o644, "d/run": 0o755, "d/sub": 0o750, "d/sub/x": 0o600}.items():
        (directory / name).chmod(mode)
    ladle("build", "-o", f"type=tar,dest={tmp_path}/out.tar", directory)
    with (tmp_path / "out.tar").open("rb") as file:
        modes = {path: row[2] for path, row in tar_table(file).items()}
    assert [modes[f"/kept/{name}"] for name in ("plain", "run", "sub", "sub/x")] == ["0644", "0755", "0750", "0600"]
    assert [modes[f"/octal/{name}"] for name in ("plain", "sub/x")] == ["4711", "4711"]
    assert [modes[f"/symbolic/{name}"] for name in ("plain", "run", "sub", "sub/x")] == ["0600", "0700", "0700", "0600"]
    assert modes["/changed"] == "0454"


@pytest.mark.row("DF-52")
def test_a_link_follows_no_symlink_of_what_is_below(built: Built) -> None:
    base = "FROM busybox\nRUN mkdir /real && ln -s real /link\n"
    rest = "FROM scratch\nCOPY --from=0 /real /real\nCOPY --from=0 /link /link\n"
    followed = built(f"{base}COPY a /link/\n{rest}", a="1")
    assert tree(followed) == {"real/a", "link/a"}
    laid_over = built(f"{base}COPY --link a /link/\n{rest}", a="1")
    assert tree(laid_over) == {"link/a"}


@pytest.mark.row("DF-52")
def test_a_link_does_not_depend_on_what_is_below(
    ladle: Ladle, context: Callable[..., Path], busybox: Path, tmp_path: Path
) -> None:
    flags = (f"--build-context=busybox=oci-layout://{busybox}", "-o", tmp_path / "out")
    for number, link in enumerate(("--link", "")):
        for text in ("1", "2"):
            dockerfile = f"FROM busybox\nRUN echo {text} > /below\nCOPY {link} a /a{number}\n"
            done = ladle("build", *flags, context({"Dockerfile": dockerfile, "a": "1"}))
        copied = [name for name in steps(done, "CACHED") if "COPY" in name and "LINK" not in name]
        assert bool(copied) == bool(link)
    assert (tmp_path / "out" / "below").read_text() == "2\n"


@pytest.mark.row("DF-53")
def test_parents(built: Built) -> None:
    files = {"a/b/c.txt": "", "a/b/d.md": "", "a/e/f.txt": "", "x.txt": ""}
    out = built(
        """\
FROM scratch
COPY --parents a/b/c.txt x.txt /plain/
COPY --parents a/./b/c.txt /pivot/
COPY --parents a/**/*.txt /deep/
COPY --parents ./a/./*/*.txt /both/
""",
        **files,
    )
    assert tree(out / "plain") == {"a/b/c.txt", "x.txt"}
    assert tree(out / "pivot") == {"b/c.txt"}
    assert tree(out / "deep") == {"a/b/c.txt", "a/e/f.txt"}
    assert tree(out / "both") == {"b/c.txt", "e/f.txt"}


@pytest.mark.row("DF-53")
def test_parents_of_what_is_not_there(ladle: Ladle, context: Callable[..., Path]) -> None:
    directory = context({"Dockerfile": "FROM scratch\nCOPY --parents a/b /x/\n", "a/c": ""})
    done = ladle("build", directory, check=False)
    assert done.returncode == 1
    assert b"a/b" in done.stderr


@pytest.mark.row("DF-54")
def test_excludes(built: Built) -> None:
    files = {"src/a.txt": "", "src/b.md": "", "src/sub/c.md": "", "src/sub/d.txt": "", "src/.git/x": ""}
    out = built(
        """\
FROM scratch
COPY --exclude=*.md --exclude=.git src /one/
COPY --exclude=**/*.md --exclude=.git src /all/
COPY --exclude=** --exclude=!sub/d.txt src /but/
ADD --exclude=sub src /added/
""",
        **files,
    )
    assert tree(out / "one") == {"a.txt", "sub/c.md", "sub/d.txt"}
    assert tree(out / "all") == {"a.txt", "sub/d.txt"}
    assert tree(out / "but") == {"sub/d.txt"}
    assert tree(out / "added") == {"a.txt", "b.md", ".git/x"}


@pytest.mark.row("DF-13")
def test_here_documents(table: Callable[..., dict[str, str]], built: Built) -> None:
    dockerfile = """\
FROM scratch
ARG V=value
COPY --chmod=0711 --chown=5:6 <<one.sh <<"two" a /x/
$V
one.sh
$V
two
COPY <<-three /three
\tindented
three
"""
    out = built(dockerfile, a="from the context")
    assert tree(out) == {"x/one.sh", "x/two", "x/a", "three"}
    assert [(out / name).read_text() for name in ("x/one.sh", "x/two", "three")] == ["value\n", "$V\n", "indented\n"]
    rows = table(dockerfile, a="")
    assert (rows["/x/one.sh"], rows["/x/a"], rows["/three"]) == ("0711 5:6", "0711 5:6", "0644 0:0")


@pytest.mark.row("DF-49", "DF-50")
def test_places(built: Built) -> None:
    out = built(
        """\
FROM scratch
WORKDIR /w
COPY a b ./
COPY a file
COPY a dir/
COPY d?r/* /glob/
COPY nothing* a /some/
COPY [ "with space", "/s p/" ]
""",
        a="1",
        b="2",
        **{"dir/x": "", "dir/y": "", "with space": ""},
    )
    expected = {"w/a", "w/b", "w/file", "w/dir/a", "glob/x", "glob/y", "some/a", "s p/with space"}
    assert tree(out) == expected


@pytest.mark.row("DF-49", "DF-51")
def test_times_are_those_of_the_files(ladle: Ladle, context: Callable[..., Path], tmp_path: Path) -> None:
    directory = context({"Dockerfile": "FROM scratch\nCOPY a /\n", "a": ""})
    os.utime(directory / "a", (1_600_000_000, 1_600_000_000))
    ladle("build", "-o", tmp_path / "out", directory)
    assert (tmp_path / "out" / "a").stat().st_mtime == 1_600_000_000


@pytest.mark.row("DF-58")
def test_only_what_reachable_stages_use_is_read(ladle: Ladle, context: Callable[..., Path], tmp_path: Path) -> None:
    dockerfile = "FROM scratch AS unused\nCOPY endless /\nFROM scratch\nCOPY used/a /\n"
    directory = context({"Dockerfile": dockerfile, "used/a": "1"})
    with (directory / "endless").open("wb") as file:
        file.truncate(1 << 40)
    ladle("build", "-o", tmp_path / "out", directory, timeout=20)
    assert tree(tmp_path / "out") == {"a"}
    (directory / "endless").write_text("other")
    again = ladle("build", "-o", tmp_path / "out", directory)
    assert steps(again, "DONE") == []


@pytest.mark.row("DF-76", "DF-77")
def test_the_build_files_own_ignore_file(ladle: Ladle, context: Callable[..., Path], tmp_path: Path) -> None:
    files = {"x.Dockerfile": "FROM scratch\nCOPY . /\n", "a": "", "b": "", "d/a": "", "d/keep": ""}
    rules = "# comment\n*\n!b\n!d\nd/*\n!d/keep\n"
    directory = context({**files, ".dockerignore": "b", "x.Dockerfile.dockerignore": rules})
    ladle("build", "-f", directory / "x.Dockerfile", "-o", tmp_path / "out", directory)
    assert tree(tmp_path / "out") == {"b", "d/keep"}
