# SPDX-License-Identifier: Apache-2.0
"""Instructions that change only the image config: CMD, ENTRYPOINT, EXPOSE, HEALTHCHECK, LABEL and their kind."""

from __future__ import annotations

import ipaddress
import re
import signal

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.dockerfile import ast, errors, reasons
from ladle.frontends.dockerfile.gotext import duration, plain_list, quoted_list
from ladle.frontends.dockerfile.imageconfig import ImageConfig
from ladle.frontends.dockerfile.reasons import ReasonError
from ladle.frontends.dockerfile.work import Work

_SHELL = ["/bin/sh", "-c"]
_PROTOCOLS = ("tcp", "udp", "sctp")
_MORE_SIGNALS = {"CLD", "IOT", "POLL", "STKFLT", "UNUSED", "RTMIN", "RTMAX"}
_REALTIME = re.compile(r"RTMIN\+(?:[1-9]|1[0-5])|RTMAX-(?:[1-9]|1[0-4])", re.ASCII)
_LAST_PORT = 65535


def record(work: Work, text: str, *, layer: bool = False) -> None:
    """Add an instruction to the image's history."""
    work.config.record(text, work.build.epoch, layer=layer)


def with_shell(config: ImageConfig, command: ast.Command) -> list[str]:
    """Return what is run: the exec form's words, or the shell with the text."""
    words = [word.text for word in command.words]
    return [*(config.words("Shell") or _SHELL), " ".join(words)] if command.shell else words


def lower_cmd(work: Work, node: ast.Cmd) -> None:
    """CMD: what a container runs, or the arguments of its entrypoint."""
    args = with_shell(work.config, node.command)
    work.config.config["Cmd"] = args
    work.config.config["ArgsEscaped"] = True
    work.cmd_set = True
    record(work, f"CMD {quoted_list(args)}")


def lower_entrypoint(work: Work, node: ast.Entrypoint) -> None:
    """ENTRYPOINT: forgets an inherited CMD."""
    args = with_shell(work.config, node.command)
    work.config.config["Entrypoint"] = args
    if not work.cmd_set:
        work.config.config.pop("Cmd", None)
    record(work, f"ENTRYPOINT {quoted_list(args)}")


def lower_shell(work: Work, node: ast.Shell) -> None:
    """SHELL: what the shell form is run with."""
    words = [word.text for word in node.words]
    work.config.config["Shell"] = words
    record(work, f"SHELL {plain_list(words)}")


def lower_healthcheck(work: Work, node: ast.Healthcheck) -> None:
    """HEALTHCHECK: how a container's health is asked for."""
    if node.command is None:
        test = ["NONE"]
    else:
        test = ["CMD-SHELL" if node.command.shell else "CMD", *(word.text for word in node.command.words)]
    times = {
        "Interval": node.interval,
        "Timeout": node.timeout,
        "StartPeriod": node.start_period,
        "StartInterval": node.start_interval,
    }
    check: dict[str, object] = {"Test": test} | {name: value for name, value in times.items() if value}
    if node.retries:
        check["Retries"] = node.retries
    work.config.config["Healthcheck"] = check
    shown = " ".join(f"{name}:{duration(value)}" for name, value in times.items())
    record(work, f"HEALTHCHECK {{Test:{plain_list(test)} {shown} Retries:{node.retries}}}")


def lower_label(work: Work, node: ast.Label) -> None:
    """LABEL: names and values on the image."""
    values = [(work.expand(pair.name), work.expand(pair.value) if pair.value else "") for pair in node.pairs]
    labels = work.config.config.setdefault("Labels", {})
    labels.update(values)
    record(work, " ".join(["LABEL", *(f"{name}={value}" for name, value in values)]))


def lower_volume(work: Work, node: ast.Volume) -> None:
    """VOLUME: directories that a container gets of its own."""
    paths = []
    for word in node.words:
        path = work.expand(word)
        if not path:
            raise DiagnosticError([errors.empty_volume(word.span)])
        paths.append(path)
    work.config.config.setdefault("Volumes", {}).update({path: {} for path in paths})
    record(work, f"VOLUME {plain_list(paths)}")


def lower_user(work: Work, node: ast.User) -> None:
    """USER: who runs the steps that follow, and the container."""
    user = work.expand(node.user)
    work.config.config["User"] = user
    work.state = work.state.user(user)
    record(work, f"USER {user}")


def lower_maintainer(work: Work, node: ast.Maintainer) -> None:
    """MAINTAINER: the image's author."""
    work.config.author = node.author.text
    record(work, f"MAINTAINER {node.author.text}")


def lower_onbuild(work: Work, node: ast.Onbuild) -> None:
    """ONBUILD: kept for the images that are built on this one."""
    work.config.config["OnBuild"] = [*work.config.words("OnBuild"), node.text]


def lower_stopsignal(work: Work, node: ast.Stopsignal) -> None:
    """STOPSIGNAL: what tells a container to end."""
    name = work.expand(node.signal)
    if not _is_signal(name):
        raise DiagnosticError([errors.bad_signal(name, node.signal.span)])
    work.config.config["StopSignal"] = name
    record(work, f"STOPSIGNAL {name}")


def _is_signal(text: str) -> bool:
    if text.isascii() and text.isdigit():
        return len(text) < 10 and int(text) != 0
    name = text.upper().removeprefix("SIG")
    return f"SIG{name}" in signal.Signals.__members__ or name in _MORE_SIGNALS or bool(_REALTIME.fullmatch(name))


def lower_expose(work: Work, node: ast.Expose) -> None:
    """EXPOSE: the ports that a container listens on."""
    ports: list[str] = []
    for word in sorted(node.words, key=lambda word: word.text):
        for part in work.expand_words(word):
            try:
                ports += _ports(part)
            except ReasonError as error:
                raise DiagnosticError([error.at(word.span)]) from None
    work.config.config.setdefault("ExposedPorts", {}).update({port: {} for port in ports})
    record(work, f"EXPOSE {plain_list(ports)}")


def _ports(text: str) -> list[str]:
    """Return the `port/protocol`s of `[ip:][host port:]port[-port][/protocol]`."""
    place, _, container = text.rpartition(":")
    container, _, protocol = container.partition("/")
    if not container:
        raise reasons.no_port(text)
    protocol = protocol.lower() or "tcp"
    if protocol not in _PROTOCOLS:
        raise reasons.bad_protocol(protocol)
    ip, _, published = place.rpartition(":")
    _check_ip(ip)
    first, last = _range(container, "invalid containerPort: ")
    if published:
        begin, end = _range(published, "invalid hostPort: ")
        if last - first not in (0, end - begin):
            raise reasons.port_ranges(container, published)
    return [f"{port}/{protocol}" for port in range(first, last + 1)]


def _check_ip(ip: str) -> None:
    if not ip:
        return
    bare = ip[1:-1] if ip.startswith("[") and ip.endswith("]") else ip
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        raise reasons.bad_address(ip) from None


def _range(text: str, problem: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    numbers = [first, last] if dash else [first, first]
    if not all(number.isascii() and number.isdigit() and len(number) < 10 for number in numbers):
        raise reasons.bad_port(problem, text)
    begin, end = (int(number) for number in numbers)
    if not 0 <= begin <= end <= _LAST_PORT:
        raise reasons.bad_port(problem, text)
    return begin, end
