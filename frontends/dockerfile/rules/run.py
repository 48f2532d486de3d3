# SPDX-License-Identifier: Apache-2.0
"""Runs the rules over a file and says what they found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ladle.core.api.diagnostics import Diagnostic, Label
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View
from ladle.frontends.dockerfile.rules.config import Config, skipped
from ladle.frontends.dockerfile.rules.table import RULES


class Found(NamedTuple):
    """A finding and its rule."""

    rule: Rule
    finding: Finding

    @property
    def text(self) -> str:
        """BuildKit's one line: rule, message and the line."""
        return f"{self.rule.name}: {self.finding.message} (line {self.finding.lines[0]})"


def run_rules(view: View, config: Config) -> list[Found]:
    """Return what the rules found, without what was to be skipped."""
    found: list[Found] = []
    for rule in RULES:
        if not config.runs(rule):
            continue
        for finding in rule.check(view):
            off = skipped(finding.node)
            if rule.name not in off and "all" not in off:
                found.append(Found(rule, finding))
    return found


def in_order(found: Iterable[Found]) -> list[Found]:
    """Return findings in the order of the file, each once: there is a set of them for each platform."""
    once = {(one.text, one.finding.span.source.name, one.finding.span.start): one for one in found}
    return sorted(once.values(), key=lambda one: (one.finding.lines, one.rule.name, one.finding.span.start))


def diagnostic(found: Found) -> Diagnostic:
    """Return a finding as a diagnostic."""
    rule, finding = found
    return Diagnostic(
        code="",
        severity=rule.severity,
        message=finding.message,
        labels=(Label(finding.span, finding.label),),
        help=rule.help or (f"see {rule.url}" if rule.url else ""),
        rule=rule.name,
    )
