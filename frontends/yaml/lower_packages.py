# SPDX-License-Identifier: Apache-2.0
"""Packages of distributions, installed as it should be done: `packages`.

Lists and archives are kept in cache mounts that one step at a time uses, so nothing of them is in the image; nothing
asks questions, nothing is recommended in, and the logs that differ from run to run are gone.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.errors import BuildError
from ladle.core.api.platforms import format_platform
from ladle.frontends.yaml import errors
from ladle.frontends.yaml.lower_files import HEREDOC
from ladle.frontends.yaml.lower_run import cache_id
from ladle.frontends.yaml.nodes import Mapping, Node, items
from ladle.frontends.yaml.schema import resolved, schema
from ladle.frontends.yaml.work import Work, placed
from ladle.llb.actions import Actions
from ladle.llb.mounts import MountSpec, bind, cache
from ladle.llb.ops import CacheSharing
from ladle.llb.state import State
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.core.api.diagnostics import Span
    from ladle.frontends.yaml.nodes import Entry

_APT_CONF = """\
#clear DPkg::Post-Invoke;
#clear DPkg::Post-Invoke-Success;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Keep-Downloaded-Packages "true";
Binary::apt::APT::Keep-Downloaded-Packages "true";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dpkg::Use-Pty "0";
Acquire::Retries "3";
"""
"""Takes back what images of Debian set so that archives are not kept: here they are in a cache."""
_APT_LEFT = (
    "/var/log/apt/* /var/log/dpkg.log /var/log/alternatives.log /var/cache/ldconfig/aux-cache "
    "/var/cache/debconf/*-old /var/lib/dpkg/*-old"
)
_DNF_LEFT = "/var/log/dnf* /var/log/hawkey.log /var/log/yum.log /var/cache/ldconfig/aux-cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What one package manager is to install."""

    packages: tuple[str, ...]
    repositories: tuple[Mapping, ...]
    recommends: bool
    node: Node


def lower_packages(work: Work, step: Mapping, entry: Entry) -> None:  # noqa: ARG001
    """Install packages, by each manager that is named."""
    node = entry.value
    for each in node if isinstance(node, Mapping) else ():
        if not items(each.value):
            continue
        own = each.span if each.span.source is entry.span.source else entry.span
        _MANAGERS[each.key.text](work, _wanted(work, each), own)


def _wanted(work: Work, entry: Entry) -> _Wanted:
    scope, node = work.stage.scope, entry.value
    detail = node if isinstance(node, Mapping) else None
    names = detail.get("install") if detail is not None else node
    packages = scope.texts(names)
    pattern = schema()["$defs"]["package"]["pattern"]
    for name in packages:
        if not re.search(pattern, name) or "\n" in name:
            place = names.span if names is not None else node.span
            text = resolved(schema()["$defs"]["package"])["description"]
            raise DiagnosticError([errors.bad_form(name[:80], pattern, text, place)])
    found = items(detail.get("repositories")) if detail is not None else ()
    return _Wanted(
        packages=tuple(packages),
        repositories=tuple(each for each in found if isinstance(each, Mapping)),
        recommends=detail is not None and scope.flag(detail, "recommends"),
        node=node,
    )


def _apt(work: Work, wanted: _Wanted, span: Span) -> None:
    scope = work.stage.scope
    files: list[tuple[str, bytes | str]] = []
    for each in wanted.repositories:
        name, key = scope.optional(each, "name"), _key(work, each)
        suite = each.get("suite")
        if suite is None:
            raise DiagnosticError([errors.no_suite(each.span)])
        lines = ["Types: deb", f"URIs: {_line(work, each, 'url')}", f"Suites: {_line(work, each, 'suite')}"]
        if not scope.text(suite).endswith("/"):
            lines.append(f"Components: {' '.join(scope.texts(each.get('components')) or ['main'])}")
        if key is not None:
            ending = "asc" if key.lstrip().startswith(b"-----BEGIN") else "gpg"
            files.append((f"/etc/apt/keyrings/{name}.{ending}", key))
            lines.append(f"Signed-By: /etc/apt/keyrings/{name}.{ending}")
        if scope.flag(each, "trusted"):
            lines.append("Trusted: yes")
        files.append((f"/etc/apt/sources.list.d/{name}.sources", "\n".join([*lines, ""])))
    _write(work, "apt", files, span)
    content = State().mkfile(HEREDOC, _APT_CONF, name="[internal] configuration of apt")
    chain = Actions().copy(content, HEREDOC, "/zz-ladle", create_dest_path=True, timestamp=work.build.timestamp)
    conf = State().file(chain, name="[internal] configuration of apt")
    mounts = [
        bind(conf, "/etc/apt/apt.conf.d/zz-ladle", path="/zz-ladle"),
        _cache(work, "/var/cache/apt", "apt"),
        _cache(work, "/var/lib/apt/lists", "apt-lists"),
    ]
    recommends = "" if wanted.recommends else " --no-install-recommends"
    script = [
        "set -e",
        "export DEBIAN_FRONTEND=noninteractive",
        "apt-get update",
        f"apt-get install -y{recommends} -- {shlex.join(wanted.packages)}",
        f"rm -rf {_APT_LEFT}",
    ]
    _install(work, "apt", wanted, script, mounts, span)


def _apk(work: Work, wanted: _Wanted, span: Span) -> None:
    scope = work.stage.scope
    files: list[tuple[str, bytes | str]] = []
    flags: list[str] = []
    for each in wanted.repositories:
        _refuse(each, "apk", ("suite", "components"))
        key = _key(work, each)
        if key is not None:
            files.append((f"/etc/apk/keys/{scope.optional(each, 'name')}", key))
        flags += ["--repository", _line(work, each, "url")]
        if scope.flag(each, "trusted") and "--allow-untrusted" not in flags:
            flags.append("--allow-untrusted")
    _write(work, "apk", files, span)
    words = ["apk", "add", "--update-cache", "--cache-dir", "/var/cache/apk", *flags, *wanted.packages]
    mounts = [_cache(work, "/var/cache/apk", "apk")]
    _install(work, "apk", wanted, ["set -e", shlex.join(words), "rm -f /var/log/apk.log"], mounts, span)


def _dnf(work: Work, wanted: _Wanted, span: Span) -> None:
    scope = work.stage.scope
    files: list[tuple[str, bytes | str]] = []
    for each in wanted.repositories:
        _refuse(each, "dnf", ("suite", "components"))
        name, key = scope.optional(each, "name"), _key(work, each)
        lines = [f"[{name}]", f"name={name}", f"baseurl={_line(work, each, 'url')}", "enabled=1"]
        if key is not None:
            files.append((f"/etc/pki/rpm-gpg/{name}", key))
            lines.append(f"gpgkey=file:///etc/pki/rpm-gpg/{name}")
        lines.append(f"gpgcheck={0 if scope.flag(each, 'trusted') else 1}")
        files.append((f"/etc/yum.repos.d/{name}.repo", "\n".join([*lines, ""])))
    _write(work, "dnf", files, span)
    packages = [_rpm(name, wanted) for name in wanted.packages]
    weak = "" if wanted.recommends else " --setopt=install_weak_deps=0"
    script = [
        "set -e",
        "tool=$(command -v dnf || command -v microdnf || command -v yum)",
        f'"$tool" install -y --setopt=keepcache=1 --setopt=tsflags=nodocs{weak} {shlex.join(packages)}',
        f"rm -rf {_DNF_LEFT}",
    ]
    mounts = [_cache(work, path, f"dnf{path}") for path in ("/var/cache/dnf", "/var/cache/libdnf5", "/var/cache/yum")]
    _install(work, "dnf", wanted, script, mounts, span)


def _rpm(name: str, wanted: _Wanted) -> str:
    if any(sign in name for sign in "<>~") and "=" in name:
        raise DiagnosticError([errors.package_version(name, "dnf", wanted.node.span)])
    return name.replace("=", "-", 1)


_MANAGERS: dict[str, Callable[[Work, _Wanted, Span], None]] = {"apt": _apt, "apk": _apk, "dnf": _dnf}


def _cache(work: Work, target: str, name: str) -> MountSpec:
    """Return a cache that only stages of the same base and platform use, one at a time."""
    label = f"packages/{name}/{format_platform(work.platform)}/{work.base}"
    return cache(target, id=cache_id(work, label), sharing=CacheSharing.LOCKED)


def _install(
    work: Work,
    manager: str,
    wanted: _Wanted,
    script: Sequence[str],
    mounts: list[MountSpec],
    span: Span,
) -> None:
    text = f"packages: {manager} {' '.join(wanted.packages)}"
    options = work.options(text, span, platform=True)
    with placed(span):
        work.state = work.state.run(
            ["/bin/sh", "-c", "\n".join(script)],
            mounts=mounts,
            cwd="/",
            user="",
            proxy_env=work.build.proxy,
            **options,
        ).root
    if work.context is not None:
        work.context.use("/")
    work.record(text, layer=True)


def _write(work: Work, manager: str, files: list[tuple[str, bytes | str]], span: Span) -> None:
    """Write where packages come from, and their keys, in one layer."""
    if not files:
        return
    text = f"packages: repositories of {manager}"
    chain = Actions()
    for path, data in files:
        source = State().mkfile(HEREDOC, data, name=f"[internal] {posixpath.basename(path)}")
        chain = chain.copy(source, HEREDOC, path, create_dest_path=True, timestamp=work.build.timestamp)
    with placed(span):
        work.state = work.state.file(chain, **work.options(text, span))
    work.record(text, layer=True)


def _key(work: Work, each: Mapping) -> bytes | None:
    node = each.get("key")
    if node is None:
        return None
    text = work.stage.scope.text(node)
    if "\n" in text:
        return text.encode()
    try:
        data = work.build.context.read(text, beside_build_file=True)
    except BuildError as error:
        raise DiagnosticError([errors.included_unreadable(error.message, node.span)]) from error
    if data is None:
        raise DiagnosticError([errors.key_missing(text, node.span)])
    return data


def _line(work: Work, each: Mapping, key: str) -> str:
    node = each.get(key)
    text = work.stage.scope.optional(each, key)
    if node is not None and (not text.strip() or any(sign.isspace() for sign in text)):
        raise DiagnosticError([errors.bad_form(text[:80], "^\\S+$", "one word", node.span)])
    return text


def _refuse(each: Mapping, manager: str, options: tuple[str, ...]) -> None:
    for option in options:
        entry = each.entry(option)
        if entry is not None:
            raise DiagnosticError([errors.repository_option(option, manager, entry.key.span)])
