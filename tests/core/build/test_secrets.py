# SPDX-License-Identifier: Apache-2.0
"""Where secrets come from, and that no message about them holds one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError, UsageError
from ladle.core.build.secrets import MAX_SECRET, SecretSpec, parse_secret, read_secret


@pytest.mark.parametrize(
    ("text", "environ", "spec"),
    [
        ("id=a,src=/f", {}, SecretSpec("a", file="/f")),
        ("id=a,source=/f,type=file", {"a": "x"}, SecretSpec("a", file="/f")),
        ("id=a,env=B", {}, SecretSpec("a", variable="B")),
        ("id=a,type=env", {}, SecretSpec("a", variable="a")),
        ("type=env,id=a,src=B", {}, SecretSpec("a", variable="B")),
        ("id=a", {"a": "x"}, SecretSpec("a", variable="a")),
        ("id=/a", {}, SecretSpec("/a", file="/a")),
        ('id=a,"src=/with,comma"', {}, SecretSpec("a", file="/with,comma")),
    ],
)
def test_where_it_is(text: str, environ: dict[str, str], spec: SecretSpec) -> None:
    assert parse_secret(text, environ) == spec


@pytest.mark.parametrize("text", ["", "hush", "src=hush", "id=a,value=hush", "id=a,type=hush", "id=a,hush"])
def test_what_is_not_understood_is_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_secret(text, {})
    assert caught.value.code == "LA0118"
    assert "=hush" not in caught.value.message


def test_its_value(tmp_path: Path) -> None:
    file = tmp_path / "s"
    file.write_bytes(b"\xffhush")
    assert read_secret(SecretSpec("a", file=str(file)), {}) == b"\xffhush"
    assert read_secret(SecretSpec("a", variable="V"), {"V": "\udcffhush"}) == b"\xffhush"
    assert read_secret(SecretSpec("a", variable="V"), {}) is None


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="No such file") as caught:
        read_secret(SecretSpec("a", file=str(tmp_path / "none")), {})
    assert caught.value.code == "LA0116"
    file = tmp_path / "big"
    file.write_bytes(b"x" * MAX_SECRET)
    assert read_secret(SecretSpec("a", file=str(file)), {}) == b"x" * MAX_SECRET
    file.write_bytes(b"x" * (MAX_SECRET + 1))
    with pytest.raises(BuildError, match="larger than 500 KB"):
        read_secret(SecretSpec("a", file=str(file)), {})
