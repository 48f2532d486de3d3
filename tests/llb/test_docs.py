# SPDX-License-Identifier: Apache-2.0
"""The published specification names every record, field, kind and limit of the encoding."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ladle.llb import limits, schema
from ladle.llb.kinds import OneOf, Record

SPECIFICATION = (Path(__file__).parents[2] / "docs" / "llb.md").read_text()


def walk(kind: object) -> list[Record | OneOf]:
    """All records and choices below a kind."""
    if isinstance(kind, OneOf):
        return [kind, *[found for record in kind.records.values() for found in walk(record)]]
    if isinstance(kind, Record):
        return [kind, *[found for inner in kind.kinds.values() for found in walk(inner)]]
    inner = getattr(kind, "kind", None)
    return [] if inner is None or isinstance(inner, type) else walk(inner)


FOUND = [found for kind in vars(schema).values() if isinstance(kind, (Record, OneOf)) for found in walk(kind)]
RECORDS = {found.cls.__name__: found for found in FOUND if isinstance(found, Record)}


def part_about(name: str) -> str:
    """The row of a small record, else everything from its name to the next title."""
    row = re.search(rf"^\| \*\*{name}\*\*.*$", SPECIFICATION, re.MULTILINE)
    if row:
        return row.group()
    title = re.search(rf"^(### .*\b{name}|\*\*{name}\*\*).*$", SPECIFICATION, re.MULTILINE)
    assert title, f"docs/llb.md does not describe {name}"
    rest = SPECIFICATION[title.end() :]
    end = re.search(r"^(#|\*\*\w+\*\*)", rest, re.MULTILINE)
    return title.group() + rest[: end.start() if end else None]


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_every_field_is_described_with_its_record(name: str) -> None:
    part = part_about(name)
    missing = [field for field in RECORDS[name].kinds if f"`{field}`" not in part]
    assert missing == []


def test_every_tag_is_described() -> None:
    tags = {tag for found in FOUND if isinstance(found, OneOf) for tag in found.records}
    assert {"exec", "copy", "by_id"} <= tags
    assert sorted(tag for tag in tags if f"`{tag}`" not in SPECIFICATION) == []


def test_version_and_limits_are_the_ones_in_force() -> None:
    assert f"# LLB, version {schema.VERSION}" in SPECIFICATION
    shown = [
        f"bytes of a definition | {limits.MAX_DEFINITION_BYTES // 2**20} MiB",
        f"ops | {limits.MAX_OPS:,}",
        f"bytes of one op | {limits.MAX_OP_BYTES // 2**20} MiB",
        f"inputs of one op | {limits.MAX_INPUTS:,}",
        f"entries of one list | {limits.MAX_ITEMS:,}",
        f"characters of one text | {limits.MAX_TEXT_CHARS // 2**20} Mi",
        f"attributes of one op | {limits.MAX_ATTRS:,}",
        f"characters of one attribute | {limits.MAX_ATTR_CHARS // 2**20} Mi",
        f"results | {limits.MAX_RESULTS:,}",
        f"source files | {limits.MAX_SOURCES:,}",
        f"items of all lists and maps together | {limits.MAX_TOTAL_ITEMS:,}",
    ]
    assert [row for row in shown if f"| {row} |" not in SPECIFICATION] == []


def test_the_example_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parents[2] / "llb" / "README.md").read_text()
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert example
    exec(example.group(1), {})
    assert "mount cache /root/.cache" in capsys.readouterr().out
