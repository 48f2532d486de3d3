# SPDX-License-Identifier: Apache-2.0
"""RUN."""

from __future__ import annotations

from dataclasses import replace

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.dockerfile import ast, errors
from ladle.frontends.dockerfile.bases import COMMAND
from ladle.frontends.dockerfile.labs.lifetime import lifetime_of
from ladle.frontends.dockerfile.lower_metadata import record, with_shell
from ladle.frontends.dockerfile.lower_mounts import lower_mounts
from ladle.frontends.dockerfile.mounts import parse_device
from ladle.frontends.dockerfile.work import DOCUMENT, Work, encoded
from ladle.llb.metadata import OpMetadata
from ladle.llb.mounts import MountSpec, bind, tmpfs
from ladle.llb.ops import CDIDevice, NetMode, SecurityMode
from ladle.llb.state import State

_NETWORKS = {"default": None, "none": NetMode.NONE, "host": NetMode.HOST}
_SECURITIES = {"sandbox": SecurityMode.SANDBOX, "insecure": SecurityMode.INSECURE}
_SCRIPTS = "/dev/pipes/"
_AGENT = "SSH_AUTH_SOCK"


def lower_run(work: Work, node: ast.Run, place: int) -> None:
    """RUN: a process on the tree so far."""
    build = work.build
    args, mounts = _command(work, node)
    asked = lower_mounts(work, node, place)
    mounts += asked.mounts
    if build.options.shm_size > 0:
        mounts.append(tmpfs("/dev/shm", size=build.options.shm_size))
    devices = [parse_device(word) for word in node.words_of("device")]
    style = replace(work.style, raw_quotes=True, keep_unset=True)
    options = work.options(_shown(node), *node.lines, style, hidden=[each.name for each in asked.secrets])
    options["meta"] = OpMetadata(description=((COMMAND, node.source),), cache_ttl=lifetime_of(node))
    if node.says("no-cache"):
        options["ignore_cache"] = True
    options["platform"] = work.platform
    agent = asked.sockets and _AGENT not in work.variables
    work.state = (
        work.ready()
        .run(
            args,
            mounts=mounts,
            env={_AGENT: asked.sockets[0]} if agent else None,
            network=_network(node),
            security=_security(node),
            secret_env=asked.secrets,
            cdi_devices=[CDIDevice(name=name, optional=not required) for name, required in devices],
            proxy_env=build.proxy,
            **options,
        )
        .root
    )
    if work.context is not None:
        work.context.use("/")
    record(work, f"RUN {_with_arguments(work, args)} # buildkit", layer=True)


def _command(work: Work, node: ast.Run) -> tuple[list[str], list[MountSpec]]:
    """Return what is run, and the mount of a script; here-documents beside a command are the shell's (DF-12)."""
    command, script = node.command, node.script
    if script is None:
        if not node.heredocs:
            return with_shell(work.config, command), []
        first = command.words[0]
        bodies = [f"\n{heredoc.body}{heredoc.name}" for heredoc in node.heredocs]
        whole = ast.Word("".join([first.text, *bodies]), first.span)
        return with_shell(work.config, replace(command, words=(whole,))), []
    text, mounts = script.text, []
    if text.startswith("#!") and work.config.os != "windows":
        file = State().mkfile(f"/{script.name}", encoded(text), mode=0o755, name=DOCUMENT)
        mounts.append(bind(file, _SCRIPTS, path="/"))
        text = _SCRIPTS + script.name
    return with_shell(work.config, replace(command, words=(ast.Word(text, command.words[0].span),))), mounts


def _shown(node: ast.Run) -> str:
    """Return the instruction as progress shows it: of a script the first line."""
    if node.script is None:
        return node.source
    first, more, _ = node.script.body.strip().replace("\r\n", "\n").partition("\n")
    return f"{node.source} ({first}{'...' if more else ''})"


def _network(node: ast.Run) -> NetMode | None:
    flag = node.flag("network")
    if flag is None:
        return None
    if flag.text not in _NETWORKS:
        raise DiagnosticError([errors.bad_network(flag.text, flag.span)])
    return _NETWORKS[flag.text]


def _security(node: ast.Run) -> SecurityMode | None:
    flag = node.flag("security")
    if flag is None:
        return None
    if flag.text not in _SECURITIES:
        raise DiagnosticError([errors.bad_security(flag.text, flag.span)])
    return _SECURITIES[flag.text]


def _with_arguments(work: Work, args: list[str]) -> str:
    """Return the history's text of a command: the ARGs in scope, then what is run (DF-41)."""
    values = [f"{name}={work.variables.get(name, value)}" for name, value in work.arguments.items()]
    return " ".join([f"|{len(values)}", *values, *args] if values else args)
