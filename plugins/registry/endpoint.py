# SPDX-License-Identifier: Apache-2.0
"""Where the registry of a reference's host is, and whether to speak plain HTTP to it."""

from __future__ import annotations

from collections.abc import Sequence

_API_HOSTS = {"docker.io": "registry-1.docker.io"}


class Endpoint:
    """A registry: `name` is the host as references write it. A plain class: a cached build makes one."""

    __slots__ = ("host", "loopback", "name", "port", "secure")

    def __init__(self, *, name: str, host: str, port: int, secure: bool, loopback: bool) -> None:
        self.name = name
        self.host = host
        self.port = port
        self.secure = secure
        self.loopback = loopback

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Endpoint) and self.name == other.name and self.url == other.url

    def __hash__(self) -> int:
        return hash((self.name, self.url))

    @property
    def address(self) -> str:
        """`host:port`, for messages."""
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def authority(self) -> str:
        """The `Host` header: the port only where it is not the scheme's own."""
        usual = 443 if self.secure else 80
        return _bracketed(self.host) if self.port == usual else self.address

    @property
    def url(self) -> str:
        """The base URL without a trailing slash."""
        return f"{'https' if self.secure else 'http'}://{self.authority}"


def find_endpoint(name: str, insecure: Sequence[str] = ()) -> Endpoint:
    """Return the endpoint of a reference's host: plain HTTP only on loopback and for the hosts in `insecure`."""
    host, port = _split(_API_HOSTS.get(name, name))
    loopback = host == "localhost" or host.startswith("127.") or host == "::1"
    secure = not loopback and name not in insecure
    return Endpoint(name=name, host=host, port=port or (443 if secure else 80), secure=secure, loopback=loopback)


def _split(name: str) -> tuple[str, int]:
    if name.startswith("["):
        host, _, rest = name[1:].partition("]")
        return host, int(rest.removeprefix(":") or 0)
    host, _, port = name.partition(":")
    return host, int(port or 0)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
