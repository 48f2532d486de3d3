# SPDX-License-Identifier: Apache-2.0
"""SOURCE_DATE_EPOCH: seconds, or the name of what was made then: the context, a named context, a stage (DF-69)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.errors import BuildError, InternalError
from ladle.core.api.giturl import is_git_url, parse_git_url
from ladle.frontends.dockerfile import errors
from ladle.frontends.dockerfile.arguments import EPOCH, epoch_seconds, expand_word
from ladle.frontends.dockerfile.ast import Copy
from ladle.frontends.dockerfile.bases import remote_context, repository
from ladle.frontends.dockerfile.stages import SCRATCH, StageGraph
from ladle.llb.nodes import SourceNode
from ladle.llb.sources import http

if TYPE_CHECKING:
    from ladle.core.api.frontend import CompileOptions, Context
    from ladle.frontends.dockerfile.stages import Stage
    from ladle.frontends.dockerfile.words import Style
    from ladle.llb.ops import Platform, SourceOp
    from ladle.llb.state import State

_MAIN = "context"
_REMOTE = ("http://", "https://")


class Epoch(NamedTuple):
    """The time of a build, and the options in which SOURCE_DATE_EPOCH is that time, whatever it was given as."""

    seconds: int | None
    options: CompileOptions


def find_epoch(context: Context, values: dict[str, str], graph: StageGraph, style: Style, platform: Platform) -> Epoch:
    """Return the time that the build has, None without one; sets it in `values`, the global arguments, too."""
    options = context.options
    text = options.build_args.get(EPOCH, values.get(EPOCH, ""))
    if not text or text.isdigit():
        return Epoch(epoch_seconds(text) if text else None, options)
    seconds = _named(context, text, values, graph, style, platform)
    given = {name: value for name, value in options.build_args.items() if name != EPOCH}
    values.pop(EPOCH, None)
    if seconds is not None:
        given[EPOCH] = values[EPOCH] = str(seconds)
    return Epoch(seconds, replace(options, build_args=given))


def _named(
    context: Context, name: str, values: Mapping[str, str], graph: StageGraph, style: Style, platform: Platform
) -> int | None:
    """Return the date of what a name stands for; that of a local directory is none."""
    if name == _MAIN:
        return context.source_date()
    try:
        found = context.named_context(name, platform=platform)
    except BuildError:
        found = None
    if found is not None and found.kind in ("git", "http"):
        return context.source_date(_source_of(remote_context(found)))
    if found is not None and found.kind == "local":
        return None
    stage = graph.target(found.value if found is not None and found.kind == "stage" else name)
    source = _download_of(stage, values, style) if stage is not None else None
    if source is None:
        raise DiagnosticError([errors.bad_epoch(name)])
    return context.source_date(source)


def _download_of(stage: Stage, values: Mapping[str, str], style: Style) -> SourceOp | None:
    """Return the source of a stage that is nothing but one download or repository on scratch, else None."""
    own = stage.instructions
    if stage.base_name != SCRATCH or len(own) != 1 or not isinstance(own[0], Copy):
        return None
    node = own[0]
    if not node.add or len(node.sources) != 1 or node.documents:
        return None
    path = expand_word(node.sources[0], values, style)
    flag = node.flag("checksum")
    checksum = expand_word(flag, values, style) if flag is not None else ""
    if is_git_url(path):
        try:
            return _source_of(repository(parse_git_url(path), checksum=checksum))
        except ValueError as error:
            raise DiagnosticError([errors.bad_repository(str(error), node.sources[0].span)]) from None
    return _source_of(http(path, checksum=checksum)) if path.startswith(_REMOTE) else None


def _source_of(state: State) -> SourceOp:
    node = state.output.node if state.output else None
    if not isinstance(node, SourceNode):
        raise InternalError("a remote source is not a source")
    return node.op
