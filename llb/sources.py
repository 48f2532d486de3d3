# SPDX-License-Identifier: Apache-2.0
"""Where states begin: `image`, `scratch`, `local`, `git`, `http`, `oci_layout`, `host`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from ladle.llb.errors import LLBError
from ladle.llb.mounts import MountSpec
from ladle.llb.nodes import OpOptions, Output, SourceNode
from ladle.llb.ops.mount import ContentCache
from ladle.llb.ops.source import SourceOp
from ladle.llb.references import normalise_reference
from ladle.llb.settings import DEFAULT_SETTINGS, Settings
from ladle.llb.state import State

_PLATFORM_SCHEMES = ("docker-image", "oci-layout")


def source(identifier: str, attrs: Mapping[str, str] | None = None, **options: Unpack[OpOptions]) -> State:
    """Return a source by its identifier and attributes, for schemes that have no function here; empty ones drop out."""
    kept = tuple(sorted((name, value) for name, value in (attrs or {}).items() if value))
    op = SourceOp(identifier=identifier, attrs=kept)
    has_platform = op.scheme in _PLATFORM_SCHEMES
    platform = options.get("platform") if has_platform else None
    settings = Settings(platform=platform) if platform is not None else DEFAULT_SETTINGS
    return State(Output(SourceNode(op, options, has_platform=has_platform)), settings)


def scratch() -> State:
    """Return the empty tree."""
    return State()


def image(
    ref: str,
    *,
    resolve_mode: str = "",
    layer_limit: int | None = None,
    checksum: str = "",
    record_type: str = "",
    **options: Unpack[OpOptions],
) -> State:
    """Return an image of a registry. `resolve_mode` is `default`, `pull` or `local`."""
    if resolve_mode not in ("", "default", "pull", "local"):
        raise LLBError(f"image: resolve_mode {resolve_mode!r} is not default, pull or local")
    attrs = {
        "image.resolvemode": "" if resolve_mode == "default" else resolve_mode,
        "image.layerlimit": _number(layer_limit),
        "image.checksum": checksum,
        "image.recordtype": record_type,
    }
    return source(f"docker-image://{normalise_reference(ref)}", attrs, **options)


def oci_layout(
    ref: str,
    *,
    store: str = "",
    session: str = "",
    layer_limit: int | None = None,
    checksum: str = "",
    **options: Unpack[OpOptions],
) -> State:
    """Return an image of an OCI layout, as `store@digest`; the session knows where the store is."""
    attrs = {
        "oci.session": session,
        "oci.store": store,
        "oci.layerlimit": _number(layer_limit),
        "image.checksum": checksum,
    }
    return source(f"oci-layout://{ref}", attrs, **options)


def local(
    name: str,
    /,
    *,
    include_patterns: Sequence[str] = (),
    follow_paths: Sequence[str] = (),
    exclude_patterns: Sequence[str] = (),
    shared_key_hint: str = "",
    differ: str = "",
    session: str = "",
    unique: str = "",
    metadata_transfer: Sequence[str] | None = None,
    **options: Unpack[OpOptions],
) -> State:
    """Return a directory of the caller, by its session name."""
    if differ not in ("", "none", "metadata"):
        raise LLBError(f"local: differ {differ!r} is not none or metadata")
    attrs = {
        "local.session": session,
        "local.unique": unique,
        "local.includepattern": _texts(include_patterns),
        "local.followpaths": _texts(follow_paths),
        "local.excludepatterns": _texts(exclude_patterns),
        "local.sharedkeyhint": shared_key_hint,
        "local.differ": differ,
        "local.metadatatransfer": "" if metadata_transfer is None else "true",
        "local.metadatatransferexclude": _texts(metadata_transfer or ()),
    }
    return source(f"local://{name}", attrs, **options)


def git(
    url: str,
    ref: str = "",
    *,
    subdir: str = "",
    keep_git_dir: bool = False,
    auth_token_secret: str = "GIT_AUTH_TOKEN",
    auth_header_secret: str = "GIT_AUTH_HEADER",
    known_ssh_hosts: str = "",
    mount_ssh_sock: str = "default",
    checksum: str = "",
    skip_submodules: bool = False,
    mtime: str = "",
    fetch_by_commit: bool = False,
    bundle: str = "",
    checkout_bundle: bool = False,
    **options: Unpack[OpOptions],
) -> State:
    """Return a repository at a ref, or a directory in it."""
    place, is_ssh, full = _git_place(url)
    if mtime not in ("", "checkout", "commit"):
        raise LLBError(f"git: mtime {mtime!r} is not checkout or commit")
    fragment = f"#{ref}" if ref or subdir else ""
    attrs = {
        "git.fullurl": full,
        "git.keepgitdir": _flag(keep_git_dir),
        "git.authtokensecret": auth_token_secret,
        "git.authheadersecret": auth_header_secret,
        "git.knownsshhosts": known_ssh_hosts if is_ssh else "",
        "git.mountsshsock": mount_ssh_sock if is_ssh else "",
        "git.checksum": checksum,
        "git.skipsubmodules": _flag(skip_submodules),
        "git.mtime": "" if mtime == "checkout" else mtime,
        "git.fetchbycommit": _flag(fetch_by_commit),
        "git.bundle": bundle,
        "git.checkoutbundle": _flag(checkout_bundle),
    }
    return source(f"git://{place}{fragment}" + (f":{subdir}" if subdir else ""), attrs, **options)


def http(
    url: str,
    *,
    checksum: str = "",
    filename: str = "",
    perm: int | None = None,
    uid: int | None = None,
    gid: int | None = None,
    auth_header_secret: str = "",
    headers: Mapping[str, str] | None = None,
    **options: Unpack[OpOptions],
) -> State:
    """Return a tree with one downloaded file. Only the headers `accept` and `user-agent` may be set."""
    if not url.startswith(("http://", "https://")):
        raise LLBError(f"http: {url!r} is not an http or https address")
    attrs = {
        "http.checksum": checksum,
        "http.filename": filename,
        "http.perm": "" if perm is None else f"0{perm:o}",
        "http.uid": _number(uid),
        "http.gid": _number(gid),
        "http.authheadersecret": auth_header_secret,
    }
    for name, value in (headers or {}).items():
        if name.lower() not in ("accept", "user-agent"):
            raise LLBError(f"http: header {name!r} cannot be set, only accept and user-agent")
        attrs[f"http.header.{name.lower()}"] = value
    return source(url, attrs, **options)


def host(dirs: Sequence[str] = ("/usr",), **options: Unpack[OpOptions]) -> State:
    """Return the machine itself as a base: a small skeleton, and `dirs` read-only in every run on it.

    These mounts are part of each run's op, and of no result: nothing of them is copied, diffed or exported.
    """
    mounts = []
    for path in dirs:
        if not path.startswith("/") or path == "/":
            raise LLBError(f"host: {path!r} is not an absolute directory below the root")
        named = options.copy()
        named["name"] = options.get("name", "").replace("host://", f"host://{path}")
        tree = source(f"host://{path}", **named).output
        mounts.append(MountSpec(target=path, source=tree, readonly=True, content_cache=ContentCache.OFF))
    return source("host://", **options).with_mounts(*mounts)


def _git_place(url: str) -> tuple[str, bool, str]:
    """Return host and path of a repository, whether it is reached by ssh, and its full address."""
    scheme, found, rest = url.partition("://")
    if not found:
        user_host, colon, path = url.partition(":")
        if colon and "@" in user_host:  # the scp form: git@host:path
            return f"{user_host.rpartition('@')[2]}/{path.lstrip('/')}", True, url
        return url, False, f"https://{url}"
    if scheme not in ("http", "https", "ssh", "git"):
        raise LLBError(f"git: {url!r} has the unknown scheme {scheme!r}")
    return rest.rpartition("@")[2] if "@" in rest.partition("/")[0] else rest, scheme == "ssh", url


def _flag(value: bool) -> str:
    return "true" if value else ""


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _texts(values: Sequence[str]) -> str:
    """Return a JSON list exactly as Go writes it, for equal digests over there."""
    if not values:
        return ""
    import json

    text: Any = json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return str(text)
