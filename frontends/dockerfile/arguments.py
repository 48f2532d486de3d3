# SPDX-License-Identifier: Apache-2.0
"""Build arguments before any stage: the platform's, the global ARGs, proxies, SOURCE_DATE_EPOCH."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.platforms import format_platform
from ladle.frontends.dockerfile import errors
from ladle.frontends.dockerfile.ast import Arg, Word
from ladle.frontends.dockerfile.words import Expansion, Style, WordError, expand, expansion

if TYPE_CHECKING:
    from ladle.llb.ops import Platform
    from ladle.llb.ops.exec import ProxyEnv

EPOCH = "SOURCE_DATE_EPOCH"
_LATEST = 253402300799
"""The last second of the year 9999: more does not fit into an image config."""


def expand_word(word: Word, variables: Mapping[str, str], style: Style) -> str:
    """Return a word of the file with its variables put in; raises the diagnostic that says what is wrong with it."""
    try:
        return expand(word.text, variables, style)
    except WordError as error:
        raise DiagnosticError([error.of(word.text, word.span)]) from None


def expand_all(word: Word, variables: Mapping[str, str], style: Style) -> Expansion:
    """Return everything about a word of the file; raises the diagnostic that says what is wrong with it."""
    try:
        return expansion(word.text, variables, style)
    except WordError as error:
        raise DiagnosticError([error.of(word.text, word.span)]) from None


def platform_arguments(
    build: Platform, target: Platform, target_stage: str, given: Mapping[str, str]
) -> dict[str, str]:
    """Return the arguments that are there without being asked for (DF-59)."""
    values: dict[str, str] = {}
    for prefix, platform in (("BUILD", build), ("TARGET", target)):
        values |= {
            f"{prefix}PLATFORM": format_platform(platform),
            f"{prefix}OS": platform.os,
            f"{prefix}OSVERSION": platform.os_version,
            f"{prefix}ARCH": platform.architecture,
            f"{prefix}VARIANT": platform.variant,
        }
    values["TARGETSTAGE"] = target_stage or "default"
    return {name: given.get(name, value) for name, value in values.items()}


def global_arguments(
    instructions: Iterable[Arg], start: Mapping[str, str], given: Mapping[str, str], style: Style
) -> dict[str, str]:
    """Return the values that FROM lines see: `start` and the ARGs before the first FROM."""
    values = dict(start)
    for instruction in instructions:
        for pair in instruction.pairs:
            name = pair.name.text
            if name in given:
                values[name] = given[name]
            elif pair.value is not None:
                values[name] = expand_word(pair.value, values, style)
    return values


def epoch_seconds(value: str) -> int:
    """Return a SOURCE_DATE_EPOCH as seconds; raises `DiagnosticError` for one that no image config can hold."""
    if not (value.isascii() and value.isdigit() and len(value) <= 18 and int(value) <= _LATEST):
        raise DiagnosticError([errors.bad_epoch(value)])
    return int(value)


def proxies(given: Mapping[str, str]) -> ProxyEnv | None:
    """Return the proxies among the build arguments, in whichever case they are written (DF-60)."""
    from ladle.llb.ops.exec import ProxyEnv

    known = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
    values = {name.lower(): given[name] for name in sorted(given) if name.lower() in known}
    return ProxyEnv(**values) if values else None
