# SPDX-License-Identifier: Apache-2.0
"""What the graphs of frontends that came with a build may not hold, whatever the user has granted to the build's steps.

A graph that a step makes (BuildOp) is not known yet when this is checked: it counts as one that holds everything.
"""

from __future__ import annotations

from collections.abc import Iterator

from ladle.core.build.foreign import errors
from ladle.llb.definition import Definition
from ladle.llb.ops.build import BuildOp
from ladle.llb.ops.exec import ExecOp
from ladle.llb.ops.mount import MountType
from ladle.llb.ops.source import SourceOp


def check_no_host(definition: Definition, name: str) -> None:
    """Raise `BuildError` if a graph has the machine as a base."""
    for vertex in definition.vertices:
        if isinstance(vertex.op, BuildOp) or (isinstance(vertex.op, SourceOp) and vertex.op.scheme == "host"):
            raise errors.no_host(name)


def check_no_secret(definition: Definition) -> None:
    """Raise `BuildError` if a graph whose tree the frontend is going to read uses a secret."""
    for vertex in definition.vertices:
        if isinstance(vertex.op, BuildOp):
            raise errors.unknown_graph()
        if isinstance(vertex.op, ExecOp):
            for secret in _secrets(vertex.op):
                raise errors.readable_secret(secret)


def _secrets(op: ExecOp) -> Iterator[str]:
    for mount in op.mounts:
        if mount.mount_type is MountType.SECRET and mount.secret_opt is not None:
            yield mount.secret_opt.id
    for variable in op.secret_env:
        yield variable.id
