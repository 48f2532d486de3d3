# SPDX-License-Identifier: Apache-2.0
"""RUN."""

from __future__ import annotations

from dataclasses import replace

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.dockerfile import ast, errors
from ladle.frontends.dockerfile.bases import COMMAND
from ladle.frontends.dockerfile.lower_metadata import record, with_shell
from ladle.frontends.dockerfile.work import Work
from ladle.llb.metadata import OpMetadata
from ladle.llb.mounts import MountSpec, tmpfs
from ladle.llb.ops import NetMode

_NETWORKS = {"default": None, "none": NetMode.NONE, "host": NetMode.HOST}


def lower_run(work: Work, node: ast.Run) -> None:
    """RUN: a process on the tree so far."""
    build = work.build
    network = _network(node)
    _check_security(node)
    args = with_shell(work.config, node.command)
    options = work.options(node.source, *node.lines, replace(build.style, raw_quotes=True, keep_unset=True))
    options["meta"] = OpMetadata(description=((COMMAND, node.source),))
    mounts: list[MountSpec] = []
    if build.options.shm_size > 0:
        mounts.append(tmpfs("/dev/shm", size=build.options.shm_size))
    options["platform"] = work.platform
    work.state = work.ready().run(args, mounts=mounts, network=network, proxy_env=build.proxy, **options).root
    if work.context is not None:
        work.context.use("/")
    record(work, f"RUN {_with_arguments(work, args)} # buildkit", layer=True)


def _network(node: ast.Run) -> NetMode | None:
    flag = node.flag("network")
    if flag is None:
        return None
    if flag.text not in _NETWORKS:
        raise DiagnosticError([errors.bad_network(flag.text, flag.span)])
    return _NETWORKS[flag.text]


def _check_security(node: ast.Run) -> None:
    flag = node.flag("security")
    if flag is None or flag.text == "sandbox":
        return
    if flag.text == "insecure":
        raise DiagnosticError([errors.insecure(flag.span)])
    raise DiagnosticError([errors.bad_security(flag.text, flag.span)])


def _with_arguments(work: Work, args: list[str]) -> str:
    """Return the history's text of a command: the ARGs in scope, then what is run (DF-41)."""
    values = [f"{name}={work.variables.get(name, value)}" for name, value in work.arguments.items()]
    return " ".join([f"|{len(values)}", *values, *args] if values else args)
