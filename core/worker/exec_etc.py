# SPDX-License-Identifier: Apache-2.0
"""The `/etc/hosts` and `/etc/resolv.conf` that a step sees; neither is part of its layer."""

from __future__ import annotations

from collections.abc import Iterable

DEFAULT_HOSTNAME = "buildkitsandbox"
RESOLV_CONF = "/etc/resolv.conf"
SYSTEMD_RESOLV_CONF = "/run/systemd/resolve/resolv.conf"
_SYSTEMD_STUB = "127.0.0.53"


def hosts_text(hostname: str, extra: Iterable[tuple[str, str]]) -> str:
    """Return the hosts file: loopback with the step's own name, then the extra (host, ip) pairs."""
    lines = [f"127.0.0.1\tlocalhost {hostname}", "::1\tlocalhost ip6-localhost ip6-loopback"]
    lines += [f"{ip}\t{host}" for host, ip in extra]
    return "\n".join(lines) + "\n"


def resolv_text(network: str, *, path: str = RESOLV_CONF, systemd_path: str = SYSTEMD_RESOLV_CONF) -> str:
    """Return the resolver configuration for a network mode.

    With the host's network it is the host's own. Else systemd's stub (127.0.0.53) is replaced by the servers behind
    it, and nameservers on loopback are dropped, unless no other is left: the sandbox network is the host's for now.
    """
    text = _read(path)
    if network == "host":
        return text
    if _nameservers(text) == [_SYSTEMD_STUB]:
        text = _read(systemd_path) or text
    kept = [line for line in text.splitlines() if not _is_local(line)]
    if not _nameservers("\n".join(kept)) and network != "none":
        return text
    return "".join(line + "\n" for line in kept)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def _nameservers(text: str) -> list[str]:
    words = (line.split() for line in text.splitlines())
    return [parts[1] for parts in words if len(parts) > 1 and parts[0] == "nameserver"]


def _is_local(line: str) -> bool:
    """Whether the line names a nameserver on loopback."""
    return any(server.startswith("127.") or server.partition("%")[0] == "::1" for server in _nameservers(line))
