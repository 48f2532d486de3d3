# SPDX-License-Identifier: Apache-2.0
"""The mistakes that have to do with checks: one constructor each, with a stable code."""

from __future__ import annotations

from collections.abc import Iterable

from ladle.core.api.diagnostics import Diagnostic, Label, Severity, Span


def violation(rules: Iterable[str], span: Span) -> Diagnostic:
    """Return: checks found something, and the file wants that to be an error."""
    return Diagnostic(
        code="DF0090",
        severity=Severity.ERROR,
        message=f"lint violation found for rules: {', '.join(rules)}",
        labels=(Label(span),),
        help="the file (or BUILDKIT_DOCKERFILE_CHECK) says error=true",
    )


def bad_check_option(reason: str, span: Span | None) -> Diagnostic:
    """Return: `# check=` with something that is no option; it may come from a build argument."""
    return Diagnostic(
        code="DF0091",
        severity=Severity.ERROR,
        message=reason,
        labels=(Label(span),) if span is not None else (),
        help="write it as skip=RULE,…;error=true;experimental=RULE,…",
    )
