# SPDX-License-Identifier: Apache-2.0
"""`RUN --no-cache`, `RUN --cache-ttl` and `COPY --if-exists`: what they come to in the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ladle.core.api.diagnostics import DiagnosticError, SourceText
from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.frontends.dockerfile.labs.frontend import DockerfileLabsFrontend
from ladle.frontends.dockerfile.labs.lifetime import seconds_of
from ladle.frontends.dockerfile.labs.optional import maybe
from ladle.frontends.dockerfile.parse import parse
from ladle.frontends.dockerfile.print import print_file

Make = Callable[..., Any]


def definition(make: Make, text: str, frontend: Any = DockerfileLabsFrontend) -> Any:
    """Return the graph of a file."""
    image = frontend().compile(make(text)).images[0]
    return image.state.marshal(platform=image.platform)


def test_when_a_step_runs_again_is_in_no_digest(make_context: Make) -> None:
    plain = definition(make_context, "FROM busybox\nRUN x\n", DockerfileFrontend)
    never = definition(make_context, "FROM busybox\nRUN --no-cache x\n")
    aging = definition(make_context, "FROM busybox\nRUN --cache-ttl=1h30m x\n")
    off = definition(make_context, "FROM busybox\nRUN --no-cache=false x\n")
    step = plain.vertices[-1].digest
    for other in (never, aging, off):
        assert [vertex.digest for vertex in other.vertices] == [vertex.digest for vertex in plain.vertices]
    said = {
        name: one.metadata_of(next(v for v in one.vertices if v.digest == step))
        for name, one in (("plain", plain), ("never", never), ("aging", aging), ("off", off))
    }
    assert {name: (one.ignore_cache, one.cache_ttl) for name, one in said.items()} == {
        "plain": (False, 0),
        "never": (True, 0),
        "aging": (False, 5400),
        "off": (False, 0),
    }


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("2m", 120), ("1h", 3600), ("1d", 86400), ("2w", 1209600), ("1d12h", 129600)]
    + [(bad, 0) for bad in ("", "1", "d", "1y", "1.5h", "-1d", "0s", "1 d", "9" * 12 + "s", "1D")],
)
def test_times(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(("flags", "code"), [("--cache-ttl=soon", "DF0102"), ("--no-cache --cache-ttl=1d", "DF0103")])
def test_what_is_wrong_with_a_time(make_context: Make, flags: str, code: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        definition(make_context, f"FROM busybox\nRUN {flags} x\n")
    assert [each.code for each in caught.value.diagnostics] == [code]


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("a.txt", "a.tx[t]"),
        ("dir/conf/", "di[r]/con[f]"),
        ("/x", "/[x]"),
        ("lock*.json", "lock*.json"),
        ("a[b]", "a[b]"),
        ("..", ".."),
        (".", "."),
        ("/", "/"),
        ("...", "[.][.][.]"),
        (".env", ".en[v]"),
    ],
)
def test_a_path_that_may_be_missing_is_a_pattern(path: str, pattern: str) -> None:
    assert maybe(path) == pattern


def test_parents_do_not_require_what_may_be_missing(make_context: Make) -> None:
    made = definition(make_context, "FROM scratch\nCOPY --if-exists --parents a/b c/*.d /x/\n")
    (op,) = [vertex.op for vertex in made.vertices if hasattr(vertex.op, "actions")]
    copies = [action.action for action in op.actions]
    assert [copy.required_paths for copy in copies] == [(), ()]
    assert [copy.include_patterns for copy in copies] == [("[a]/[b]",), ("[c]/*.d",)]


def test_labs_instructions_are_printed() -> None:
    text = "INCLUDE --from=p a/b\nIMPORT x AS y\nIMPORT z\nFROM scratch\nRUN --cache-ttl=1d x\n"
    tree = parse(SourceText("Dockerfile", text), labs=True, part=True)
    assert print_file(tree) == text
    assert parse(SourceText("Dockerfile", print_file(tree)), labs=True, part=True) == tree
