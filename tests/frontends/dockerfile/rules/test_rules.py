# SPDX-License-Identifier: Apache-2.0
"""Every rule's own examples: the bad one fires, the good one is quiet, and what can be mended is then quiet too."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.diagnostics import Diagnostic
from ladle.core.api.platforms import parse_platform
from ladle.frontends.dockerfile import rules
from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.frontends.dockerfile.rules.base import Rule, kebab
from ladle.frontends.dockerfile.rules.table import BUILDKIT, OWN, RULES

Context = Callable[..., Any]
Look = Callable[[Rule, str], list[Diagnostic]]
REPOSITORY = Path(__file__).parents[4]
NAMES = [rule.name for rule in RULES]
ROWS = dict(
    zip(
        [
            "StageNameCasing",
            "FromAsCasing",
            "NoEmptyContinuation",
            "ConsistentInstructionCasing",
            "DuplicateStageName",
            "ReservedStageName",
            "JSONArgsRecommended",
            "MaintainerDeprecated",
            "UndefinedArgInFrom",
            "WorkdirRelativePath",
            "UndefinedVar",
            "MultipleInstructionsDisallowed",
            "LegacyKeyValueFormat",
            "InvalidBaseImagePlatform",
            "RedundantTargetPlatform",
            "SecretsUsedInArgOrEnv",
            "InvalidDefaultArgInFrom",
            "FromPlatformFlagConstDisallowed",
            "CopyIgnoredFile",
            "InvalidDefinitionDescription",
            "ExposeProtoCasing",
            "ExposeInvalidFormat",
        ],
        (f"CK-{number:02}" for number in range(1, 23)),
        strict=True,
    )
)
MARKED = [
    pytest.param(rule, id=rule.name, marks=[pytest.mark.row(ROWS[rule.name])] if rule.name in ROWS else [])
    for rule in RULES
]


def options(rule: Rule) -> dict[str, Any]:
    made: dict[str, Any] = {"build_args": {**rule.build_args, "BUILDKIT_DOCKERFILE_CHECK": "experimental=all"}}
    if rule.platform:
        made["platforms"] = (parse_platform(rule.platform),)
    return made


def context(make_context: Context, rule: Rule, text: str) -> Any:
    files = {name: data.encode() for name, data in rule.files.items()}
    return make_context(text, options=options(rule), files=files)


@pytest.fixture
def look(make_context: Context) -> Look:
    """Return a builder of examples that hands back what a rule said."""

    def run(rule: Rule, text: str) -> list[Diagnostic]:
        made = context(make_context, rule, text)
        DockerfileFrontend().compile(made)
        return [warning for warning in made.warnings if warning.rule == rule.name]

    return run


@pytest.mark.parametrize("rule", MARKED)
@pytest.mark.row("CK-01", "CK-02", "CK-03", "CK-04", "CK-05", "CK-06", "CK-07", "CK-08", "CK-09", "CK-10", "CK-11")
@pytest.mark.row("CK-12", "CK-13", "CK-14", "CK-15", "CK-16", "CK-17", "CK-18", "CK-19", "CK-20", "CK-21", "CK-22")
def test_the_bad_example_fires(rule: Rule, look: Look) -> None:
    found = look(rule, rule.bad)
    assert found
    assert all(each.severity is rule.severity and each.labels for each in found)


@pytest.mark.parametrize("rule", MARKED)
def test_the_good_example_is_quiet(rule: Rule, look: Look) -> None:
    assert look(rule, rule.good) == []


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_what_is_mended_is_quiet(rule: Rule, look: Look, make_context: Context) -> None:
    fixed = DockerfileFrontend().fix(context(make_context, rule, rule.bad))
    mended = [line for line in fixed.mended if line.startswith(f"{rule.name}: ")]
    assert bool(mended) == rule.mends
    if rule.mends:
        assert look(rule, fixed.after.decode()) == []


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_a_remark_above_turns_it_off(rule: Rule, look: Look, make_context: Context) -> None:
    lines = rule.bad.splitlines(keepends=True)
    for found in look(rule, rule.bad):
        span = found.labels[0].span
        number = span.source.text.count("\n", 0, span.start)
        while number and lines[number - 1].rstrip().endswith("\\"):
            number -= 1
        while number and not lines[number].strip():
            number -= 1
        while number and lines[number - 1].rstrip().endswith("\\"):
            number -= 1
        changed = ["#\n", *lines[:number], f"# check=skip={rule.name}\n", *lines[number:]]
        assert len(look(rule, "".join(changed))) < len(look(rule, rule.bad))


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.experimental], ids=lambda rule: rule.name)
def test_experimental_rules_are_off(rule: Rule, make_context: Context) -> None:
    made = make_context(rule.bad)
    DockerfileFrontend().compile(made)
    assert rule.name not in {warning.rule for warning in made.warnings}


def test_there_is_one_file_a_rule() -> None:
    folder = Path(rules.__file__).parent
    text = "".join(path.read_text() for path in folder.rglob("*.py"))
    assert sorted(re.findall(r'^    name="(.+)",$', text, re.MULTILINE)) == sorted(NAMES)
    for rule in RULES:
        name = kebab(rule.name.removeprefix("ladle/")).replace("-", "_")
        assert (folder / ("ladle" if "/" in rule.name else "") / f"{name}.py").exists()


def test_the_numbers() -> None:
    assert {rule.name for rule in BUILDKIT} == set(ROWS)
    assert len(BUILDKIT) == 22
    assert all("/" not in rule.name for rule in BUILDKIT)
    assert all(rule.name.startswith("ladle/") and not rule.url for rule in OWN)
    assert [rule.name for rule in RULES if not rule.by_default] == [rule.name for rule in RULES if rule.experimental]


def test_addresses() -> None:
    urls = {rule.name: rule.url for rule in BUILDKIT}
    place = "https://docs.docker.com/go/dockerfile/rule/"
    assert urls["JSONArgsRecommended"] == f"{place}json-args-recommended/"
    assert urls["WorkdirRelativePath"] == f"{place}workdir-relative-path/"
    assert urls["InvalidBaseImagePlatform"] == ""
