# SPDX-License-Identifier: Apache-2.0
"""The low-level build graph: pure data, no input or output.

The names of the builder API are here (`from ladle import llb; llb.image("alpine").run(...)`), each loaded when it is
first used; the ops are in `ladle.llb.ops`.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for theirs; `typing` itself costs milliseconds
if TYPE_CHECKING:
    from typing import Any

    from ladle.llb.actions import Actions as Actions
    from ladle.llb.compose import build as build
    from ladle.llb.compose import diff as diff
    from ladle.llb.compose import merge as merge
    from ladle.llb.compose import passthrough as passthrough
    from ladle.llb.definition import Definition as Definition
    from ladle.llb.errors import LLBError as LLBError
    from ladle.llb.marshalling import marshal as marshal
    from ladle.llb.metadata import Location as Location
    from ladle.llb.metadata import OpMetadata as OpMetadata
    from ladle.llb.metadata import ProgressGroup as ProgressGroup
    from ladle.llb.metadata import Range as Range
    from ladle.llb.metadata import SourceInfo as SourceInfo
    from ladle.llb.ops.platform import Platform as Platform
    from ladle.llb.sources import git as git
    from ladle.llb.sources import host as host
    from ladle.llb.sources import http as http
    from ladle.llb.sources import image as image
    from ladle.llb.sources import local as local
    from ladle.llb.sources import oci_layout as oci_layout
    from ladle.llb.sources import scratch as scratch
    from ladle.llb.sources import source as source
    from ladle.llb.state import ExecState as ExecState
    from ladle.llb.state import State as State
    from ladle.llb.vertex import Edge as Edge
    from ladle.llb.vertex import Vertex as Vertex

_HOMES = {
    "actions": ("Actions",),
    "compose": ("build", "diff", "merge", "passthrough"),
    "definition": ("Definition",),
    "errors": ("LLBError",),
    "metadata": ("Location", "OpMetadata", "ProgressGroup", "Range", "SourceInfo"),
    "ops.platform": ("Platform",),
    "sources": ("git", "host", "http", "image", "local", "oci_layout", "scratch", "source"),
    "state": ("ExecState", "State"),
    "marshalling": ("marshal",),
    "vertex": ("Edge", "Vertex"),
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(f"ladle.llb.{home}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
