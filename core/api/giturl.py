# SPDX-License-Identifier: Apache-2.0
"""URLs of git repositories as build contexts and as sources of ADD (FEATURES DF-57, DF-80)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

_SCHEMES = ("https", "http", "ssh", "git")
_QUERY = (
    "ref",
    "tag",
    "branch",
    "subdir",
    "checksum",
    "commit",
    "keep-git-dir",
    "submodules",
    "mtime",
    "fetch-by-commit",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GitUrl:
    """A repository and what of it is wanted."""

    remote: str
    """The address without fragment and query, as git takes it."""
    ref: str = ""
    subdir: str = ""
    checksum: str = ""
    keep_git_dir: bool | None = None
    submodules: bool = True

    @property
    def fragment(self) -> str:
        """`#ref:subdir`, as it stands in a graph."""
        if not self.ref and not self.subdir:
            return ""
        return f"#{self.ref}" + (f":{self.subdir}" if self.subdir else "")


def is_git_url(text: str) -> bool:
    """Say whether a text names a repository: `git@…`, `ssh://…`, `git://…`, or an HTTP URL that ends in `.git`."""
    if text.startswith(("git@", "ssh://", "git://", "github.com/")):
        return True
    if not text.startswith(("http://", "https://")):
        return False
    return urlsplit(text).path.endswith(".git")


def parse_git_url(text: str) -> GitUrl:
    """Return the parts; raises `ValueError` saying what is wrong."""
    if text.startswith("github.com/"):
        text = f"https://{text}"
    if "://" in text:
        scheme = text.partition("://")[0]
        if scheme not in _SCHEMES:
            raise ValueError(f"unknown scheme {scheme!r}")
        parts = urlsplit(text)
        remote = text.partition("#")[0].partition("?")[0]
        query, fragment = parts.query, parts.fragment
    else:
        remote, _, fragment = text.partition("#")
        remote, _, query = remote.partition("?")
    ref, _, subdir = fragment.partition(":")
    found = {"ref": ref, "subdir": subdir}
    checksum, keep, submodules = "", None, True
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _QUERY:
            raise ValueError(f'unexpected query "{name}"')
        if name in ("tag", "branch", "ref"):
            _set(found, "ref", value)
        elif name == "subdir":
            _set(found, "subdir", value)
        elif name in ("checksum", "commit"):
            checksum = value
        elif name == "keep-git-dir":
            keep = value != "false"
        elif name == "submodules":
            submodules = value != "false"
        elif name == "mtime" and value not in ("checkout", "commit"):
            raise ValueError(f'invalid mtime value: "{value}" (must be "checkout" or "commit")')
    return GitUrl(
        remote=remote,
        ref=found["ref"],
        subdir=found["subdir"],
        checksum=checksum,
        keep_git_dir=keep,
        submodules=submodules,
    )


def _set(found: dict[str, str], name: str, value: str) -> None:
    if found[name] and found[name] != value:
        raise ValueError(f'{name} conflicts: "{found[name]}" vs "{value}"')
    found[name] = value
