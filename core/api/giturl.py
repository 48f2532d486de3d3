# SPDX-License-Identifier: Apache-2.0
"""URLs of git repositories as build contexts and as sources of ADD (FEATURES DF-57, DF-80)."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from ladle.llb.values import dataclass

_SCP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*@[A-Za-z0-9_][A-Za-z0-9_.-]*:(?!//).+", re.ASCII | re.DOTALL)
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
_ALIASES = {"commit": "checksum"}


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
    mtime: str = ""
    """Which time the files get: "" or `checkout` the time of the check-out, `commit` that of the commit."""
    fetch_by_commit: bool = False

    @property
    def fragment(self) -> str:
        """`#ref:subdir`, as it stands in a graph."""
        if not self.ref and not self.subdir:
            return ""
        return f"#{self.ref}" + (f":{self.subdir}" if self.subdir else "")


def is_git_url(text: str) -> bool:
    """Say whether a text names a repository: `user@host:path`, `ssh://…`, `git://…`, or HTTP ending in `.git`."""
    if text.startswith(("ssh://", "git://", "github.com/")) or _SCP.fullmatch(text):
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
    return _with_query(GitUrl(remote=remote, ref=ref, subdir=subdir), query)


def _with_query(url: GitUrl, query: str) -> GitUrl:
    """Return a URL with what its query asks for; raises `ValueError` saying what is wrong with it."""
    pairs: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in _QUERY:
            raise ValueError(f'unexpected query "{key}"')
        name = _ALIASES.get(key, key)
        _set(pairs, name, value)
    if pairs.get("branch") and pairs.get("tag"):
        raise ValueError("branch conflicts with tag")
    found = {"ref": url.ref, "subdir": url.subdir}
    for name, prefix in (("ref", ""), ("branch", "refs/heads/"), ("tag", "refs/tags/")):
        value = pairs.get(name, "")
        if value and found["ref"] == value:
            found["ref"] = ""
        if value:
            _set(found, "ref", prefix + value)
    if pairs.get("subdir"):
        _set(found, "subdir", pairs["subdir"])
    mtime = pairs.get("mtime", "")
    if mtime not in ("", "checkout", "commit"):
        raise ValueError(f'invalid mtime value: "{mtime}" (must be "checkout" or "commit")')
    return GitUrl(
        remote=url.remote,
        ref=found["ref"],
        subdir=found["subdir"],
        checksum=pairs.get("checksum", ""),
        keep_git_dir=_boolean("keep-git-dir", pairs) if "keep-git-dir" in pairs else None,
        submodules=_boolean("submodules", pairs) if "submodules" in pairs else True,
        mtime=mtime,
        fetch_by_commit=_boolean("fetch-by-commit", pairs) if "fetch-by-commit" in pairs else False,
    )


def _boolean(name: str, pairs: dict[str, str]) -> bool:
    """Return a switch of the query; the name alone switches it on."""
    text = pairs[name].lower()
    if text in ("", "1", "t", "true"):
        return True
    if text in ("0", "f", "false"):
        return False
    raise ValueError(f'invalid {name} value: "{pairs[name]}" (must be true or false)')


def _set(found: dict[str, str], name: str, value: str) -> None:
    """Set what is not set yet; what is must be the same."""
    if found.get(name) and found[name] != value:
        raise ValueError(f'{name} conflicts: "{found[name]}" vs "{value}"')
    found[name] = value
