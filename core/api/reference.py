# SPDX-License-Identifier: Apache-2.0
"""Image references: `[host[:port]/]path[:tag][@digest]`, normalised as Docker does (distribution/reference grammar)."""

from __future__ import annotations

import re

from ladle.llb.values import dataclass

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:(?P<host>{_HOST})/)?(?P<path>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_DEFAULT_HOST = "docker.io"


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed reference: registry host, repository path, tag ("" if none), digest ("" if none)."""

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def repository(self) -> str:
        """Return `host/path`."""
        return f"{self.host}/{self.path}"

    def __str__(self) -> str:
        text = self.repository
        if self.tag:
            text += f":{self.tag}"
        return f"{text}@{self.digest}" if self.digest else text

    def familiar(self) -> str:
        """Return the short form that people write: `busybox`, `user/app:1`."""
        text = str(self)
        if text.startswith("docker.io/"):
            text = text.removeprefix("docker.io/").removeprefix("library/")
        return text.removesuffix(":latest") if not self.digest else text


def parse_reference(text: str, *, default_tag: str = "latest") -> Reference:
    """Return the normalised reference; raises `ValueError` with a reason for a malformed one."""
    if len(text) > 4096:
        raise ValueError("a reference has at most 4096 characters")
    name, slash, _ = text.partition("/")
    explicit = bool(slash) and ("." in name or ":" in name or name == "localhost" or name.lower() != name)
    match = _REFERENCE.fullmatch(text if explicit else f"{_DEFAULT_HOST}/{text}")
    if match is None or not match["host"]:
        bare = text.split("@", maxsplit=1)[0].rsplit("/", 1)[-1].split(":", maxsplit=1)[0]
        first = text.split(":", maxsplit=1)[0]
        if bare.lower() != bare or (not explicit and first.lower() != first):
            raise ValueError(f"invalid reference format: repository name ({text}) must be lowercase")
        raise ValueError("invalid reference format")
    host, path, tag, digest = match["host"], match["path"], match["tag"] or "", match["digest"] or ""
    if host in ("docker.io", "index.docker.io"):
        host = _DEFAULT_HOST
        if "/" not in path:
            path = f"library/{path}"
    if len(path) > 255:
        raise ValueError("a repository name has at most 255 characters")
    if not tag and not digest:
        tag = default_tag
    return Reference(host, path, tag, digest)
