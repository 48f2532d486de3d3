# SPDX-License-Identifier: Apache-2.0
"""`git://`: a commit of a repository as a tree (FEATURES SO-03 to SO-05, LLB-08), by the machine's own git.

A branch or tag is asked for once a build (`git ls-remote`); a full commit needs no network once it is kept. git runs
with an environment of its own: no prompts, and no configuration of the machine or the user but `GIT_SSH_COMMAND`.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from hashlib import sha256
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.api.source import Pin
from ladle.llb.values import dataclass
from ladle.plugins.sources.git_process import run_git

if TYPE_CHECKING:
    import subprocess

    from ladle.core.api.frontend import ResolvedImage
    from ladle.core.api.refs import Ref
    from ladle.core.api.services import Services
    from ladle.llb.ops import Platform, SourceOp

_DATES = "git-date"
"""Facts: the time of a commit in seconds."""
_FORM = "2"
"""Part of every key: change it when the same commit gives another tree."""
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PROTOCOLS = "https:http:ssh:git:file"
"""What git may use, but for submodules: those of a stranger's repository never lie on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What of a repository is wanted."""

    url: str
    ref: str
    commit: str
    folder: str
    keep: bool
    submodules: bool
    dated: bool
    """Whether the files get the time of the commit."""

    @property
    def key(self) -> str:
        """The identity of the tree."""
        parts = [_FORM, self.commit, self.folder, str(self.keep), str(self.submodules), str(self.dated)]
        identity = "\0".join([*parts, self.url if self.keep else ""])
        return "git-" + sha256(identity.encode()).hexdigest()[:32]


class GitSource:
    """Commits of repositories."""

    SCHEMES: ClassVar[tuple[str, ...]] = ("git",)

    def __init__(self, services: Services) -> None:
        self._services = services
        self._commits: dict[tuple[str, str], str] = {}
        """What branches and tags were in this build."""

    def resolve(self, ref: str, *, platform: Platform, scheme: str) -> ResolvedImage:  # noqa: ARG002 (the contract's)
        """Refuse: a repository is no image."""
        raise BuildError(f"git://{ref} is a repository, not an image", code="LA0218")

    def pin(self, op: SourceOp, platform: Platform | None) -> Pin:  # noqa: ARG002 (the contract's)
        """Return the commit, the part of it and what is kept of the repository as the identity."""
        from ladle.core.build.downloads import kept_tree

        wish = self._wish(op)
        return Pin(
            key=wish.key, ref=kept_tree(self._services, wish.key, lambda directory: self._check_out(directory, wish))
        )

    def date(self, op: SourceOp) -> int | None:
        """Return the time of the commit."""
        wish = self._wish(op)
        found = self._services.facts.get(_DATES, wish.commit)
        if found is None:
            os.makedirs(f"{self._services.root}/downloads", mode=0o700, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".git-", dir=f"{self._services.root}/downloads") as clone:
                self._clone(clone, wish)
            found = self._services.facts.get(_DATES, wish.commit)
        return int(found) if found else None

    def _wish(self, op: SourceOp) -> _Wish:
        place, _, fragment = op.ref.partition("#")
        wanted, _, folder = fragment.partition(":")
        if wanted.startswith("-"):
            raise BuildError(f"{wanted!r} is no branch, tag or commit", code="LA0232")
        folder = _safe_folder(op.attr("git.subdir") or folder)
        url = op.attr("git.fullurl") or f"https://{place}"
        checksum = op.attr("git.checksum")
        if not wanted and _COMMIT.fullmatch(checksum):
            wanted = checksum
        commit = wanted if _COMMIT.fullmatch(wanted) else self._resolved(url, wanted)
        if checksum and not commit.startswith(checksum):
            raise BuildError(f"expected checksum to match {checksum}, got {commit}", code="LA0231")
        keep = op.attr("git.keepgitdir") == "true"
        submodules = op.attr("git.skipsubmodules") != "true"
        return _Wish(
            url=url,
            ref=wanted,
            commit=commit,
            folder=folder,
            keep=keep,
            submodules=submodules,
            dated=op.attr("git.mtime") == "commit",
        )

    async def fetch(self, op: SourceOp, platform: Platform | None, pin: Pin) -> Ref:  # noqa: ARG002 (the contract's)
        """Return the ref that the pin already has."""
        if pin.ref is None:
            raise InternalError(f"{op.identifier}: the pin of a repository has no ref")
        return pin.ref

    def _resolved(self, url: str, wanted: str) -> str:
        """Return the commit of a branch or tag (HEAD without one), asked for once a build."""
        if (url, wanted) not in self._commits:
            self._commits[url, wanted] = self._asked(url, wanted)
        return self._commits[url, wanted]

    def _asked(self, url: str, wanted: str) -> str:
        """Ask the repository for the commit of a branch or tag; annotated tags are peeled."""
        names = (
            [f"refs/heads/{wanted}", f"refs/tags/{wanted}", f"refs/tags/{wanted}^{{}}", wanted, f"{wanted}^{{}}"]
            if wanted
            else ["HEAD"]
        )
        lines = self._git(["ls-remote", "--", url, *names], url).splitlines()
        found = {name: commit for commit, _, name in (line.partition("\t") for line in lines)}
        peeled = [f"{wanted}^{{}}"] if wanted.startswith("refs/") else []
        for name in (
            f"refs/heads/{wanted}",
            f"refs/tags/{wanted}^{{}}",
            f"refs/tags/{wanted}",
            *peeled,
            wanted or "HEAD",
        ):
            if _COMMIT.fullmatch(found.get(name, "")):
                return found[name]
        raise BuildError(f"{_shown(url)} has no branch or tag {wanted!r}", code="LA0232")

    def _check_out(self, directory: str, wish: _Wish) -> None:
        url = wish.url
        with tempfile.TemporaryDirectory(prefix=".git-", dir=f"{self._services.root}/downloads") as clone:
            date = self._clone(clone, wish)
            self._git(["-C", clone, "checkout", "--quiet", "--detach", wish.commit], url)
            if wish.submodules:
                update = ["submodule", "update", "--quiet", "--init", "--recursive", "--depth=1"]
                self._git(["-C", clone, *update], url)
            if not wish.keep:
                shutil.rmtree(f"{clone}/.git")
            source = _folder_of(clone, wish.folder, url)
            for name in os.listdir(source):
                os.rename(f"{source}/{name}", f"{directory}/{name}")
            if wish.keep and wish.folder:
                os.rename(f"{clone}/.git", f"{directory}/.git")
            if wish.dated:
                _date(directory, date)

    def _clone(self, clone: str, wish: _Wish) -> int:
        """Fetch a commit into a fresh repository and return its time."""
        url = wish.url
        self._git(["init", "--quiet", clone], url)
        self._git(["-C", clone, "remote", "add", "origin", "--", url], url)
        self._fetch(clone, url, wish.ref, wish.commit)
        shown = self._git(["-C", clone, "show", "--no-patch", "--format=%ct", f"{wish.commit}^{{commit}}"], url)
        date = max(0, int(shown.strip()))
        self._services.facts.put(_DATES, wish.commit, str(date).encode())
        return date

    def _fetch(self, clone: str, url: str, wanted: str, commit: str) -> None:
        """Fetch one commit alone where the server lets us, else the branch or tag, else everything."""
        shallow = ["-C", clone, "fetch", "--quiet", "--depth=1", "--no-tags", "origin"]
        for what in (commit, wanted):
            if (
                what
                and self._try([*shallow, what])
                and self._try(["-C", clone, "cat-file", "-e", f"{commit}^{{commit}}"])
            ):
                return
        self._git(["-C", clone, "fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*"], url)
        if not self._try(["-C", clone, "cat-file", "-e", f"{commit}^{{commit}}"]):
            raise BuildError(f"{_shown(url)} has no commit {commit}", code="LA0232")

    def _try(self, arguments: list[str]) -> bool:
        return self._run(arguments).returncode == 0

    def _git(self, arguments: list[str], url: str) -> str:
        done = self._run(arguments)
        if done.returncode:
            said = done.stderr.decode(errors="replace").replace(url, _shown(url)).strip().splitlines()
            raise BuildError(f"git could not read {_shown(url)}", code="LA0233", notes=said[-5:])
        return done.stdout.decode(errors="replace")

    def _run(self, arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
        if self._services.offline and "ls-remote" in arguments:
            raise BuildError("a branch or tag cannot be looked up with --offline", code="LA0242", help="name a commit")
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": f"{self._services.root}/downloads",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ALLOW_PROTOCOL": _PROTOCOLS.removesuffix(":file") if "submodule" in arguments else _PROTOCOLS,
            "GIT_SSH_COMMAND": "ssh -F none -o BatchMode=yes",
            "LC_ALL": "C",
        }
        for name in ("SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "https_proxy", "http_proxy", "no_proxy"):
            if name in os.environ:
                environment[name] = os.environ[name]
        options = ["-c", "protocol.file.allow=user", "-c", "core.symlinks=true", "-c", "safe.directory=*"]
        return run_git([*options, *arguments], environment)


def _safe_folder(folder: str) -> str:
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise BuildError(f"the folder {folder!r} leads out of its repository", code="LA0235")
    return "/".join(parts)


def _folder_of(clone: str, folder: str, url: str) -> str:
    """Return the folder in a clone: real directories all the way, no links."""
    path = clone
    for part in filter(None, folder.split("/")):
        path = f"{path}/{part}"
        if os.path.islink(path) or not os.path.isdir(path):
            raise BuildError(f"{_shown(url)} has no folder {folder!r}", code="LA0235")
    return path


def _date(directory: str, seconds: int) -> None:
    """Give a directory and everything in it one time; links are dated, not followed."""
    for folder, folders, files in os.walk(directory):
        for name in (*folders, *files):
            os.utime(f"{folder}/{name}", (seconds, seconds), follow_symlinks=False)
    os.utime(directory, (seconds, seconds))


def _shown(url: str) -> str:
    """Return a URL without the credentials in it."""
    parts = urlsplit(url)
    return (
        url
        if "@" not in parts.netloc or not parts.scheme
        else url.replace(parts.netloc, parts.netloc.rpartition("@")[2], 1)
    )
