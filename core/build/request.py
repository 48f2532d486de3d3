# SPDX-License-Identifier: Apache-2.0
"""The request of a build: the command line's values made whole and checked, before anything is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import field
from typing import Any

from ladle.core.api.errors import UsageError
from ladle.core.api.frontend import CompileOptions
from ladle.core.api.giturl import is_git_url, parse_git_url
from ladle.core.api.platforms import local_platform, parse_platform
from ladle.core.api.reference import parse_reference
from ladle.core.build.agents.specs import AgentSpec, parse_ssh
from ladle.core.build.entitlements import parse_allow
from ladle.core.build.remote import is_remote
from ladle.core.build.secrets import SecretSpec, parse_secret
from ladle.llb.values import dataclass

_KINDS = "give a directory, docker-image://, oci-layout://, host://, a repository, a URL, target:STAGE or input:NAME"
_REPEATABLE = frozenset(["src"])
_SIZES = {"": 1, "b": 1, "k": 1 << 10, "kb": 1 << 10, "m": 1 << 20, "mb": 1 << 20, "g": 1 << 30, "gb": 1 << 30}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextSpec:
    """A named context as given.

    `kind` is local, docker-image, oci-layout, host, git, http, target, input or the scheme of a stranger's source;
    `value` what follows the scheme, or the whole address.
    """

    name: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """Everything that one build was asked to do."""

    options: CompileOptions
    context: str = ""
    """Absolute directory, or what it is to be fetched from (`remote.is_remote`); "" for a graph that needs none."""
    build_file: str = ""
    """Absolute path; `-` for stdin; relative to a context that is fetched."""
    contexts: tuple[ContextSpec, ...] = ()
    secrets: tuple[SecretSpec, ...] = ()
    agents: tuple[AgentSpec, ...] = ()
    tags: tuple[str, ...] = ()
    outputs: tuple[tuple[str, Mapping[str, str]], ...] = ()
    context_date: int | None = None
    """When a fetched context was made, in seconds, where it says so."""
    fetched: bool = False
    """Whether the context came from elsewhere; ignore files do not count then."""
    llb: str = ""
    syntax: str = ""
    no_cache: bool = False
    pull: bool = False
    offline: bool = False
    jobs: int = 0
    executor: str = "auto"
    allow: tuple[str, ...] = ()
    root: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


def make_request(
    values: Mapping[str, Any],
    positional: list[str],
    *,
    environ: Mapping[str, str],
    schemes: Callable[[], Collection[str]] = tuple,
) -> BuildRequest:
    """Return the request of parsed flags; raises `UsageError` naming the flag that is wrong and how to write it.

    `schemes` says which sources there are beside ladle's own; it is asked only for a context that is none of those.
    """
    llb = values["llb"]
    if llb and values["file"]:
        raise UsageError("a graph has no build file", code="LA0103", help="leave out -f, or --llb")
    if llb == "-" and positional == ["-"]:
        raise UsageError("context and graph cannot both come from stdin", code="LA0105", help="give a directory")
    context, build_file = ("", "") if llb and not positional else _context(positional, values["file"])
    build_file = "" if llb else build_file
    return BuildRequest(
        options=_options(values, build_file, environ),
        context=context,
        build_file=build_file,
        contexts=tuple(_context_spec(text, schemes) for text in values["contexts"]),
        secrets=tuple(parse_secret(text, environ) for text in values["secrets"]),
        agents=tuple(parse_ssh(text) for text in values["agents"]),
        tags=tuple(_tag(text) for text in values["tags"]),
        outputs=tuple(parse_output(text) for text in values["outputs"]),
        llb=llb,
        syntax=values["syntax"],
        no_cache=bool(values["no_cache"]),
        pull=bool(values["pull"]),
        offline=bool(values["offline"]),
        jobs=_count(values["jobs"], "--jobs"),
        executor=values["executor"] or "auto",
        allow=parse_allow(values["allow"]),
        root=values["root"],
        values=values,
    )


def _context(positional: list[str], file: str) -> tuple[str, str]:
    if len(positional) != 1:
        raise UsageError(
            f"a build takes exactly one PATH, {len(positional)} were given",
            code="LA0104",
            help="ladle build [OPTIONS] PATH",
        )
    path = positional[0]
    if is_remote(path) and (path == "-" or not os.path.isdir(path)):
        if path == "-" and file == "-":
            raise UsageError(
                "context and build file cannot both come from stdin", code="LA0105", help="give a directory"
            )
        return path, file or "Dockerfile"
    directory = os.path.abspath(path)
    if not os.path.isdir(directory):
        what = "is not a directory" if os.path.exists(directory) else "does not exist"
        raise UsageError(f"the build context {path!r} {what}", code="LA0106", help="give the directory to build")
    if file == "-":
        return directory, "-"
    if file:
        return directory, os.path.abspath(file)
    for name in ("Dockerfile", "dockerfile"):
        if os.path.lexists(os.path.join(directory, name)):
            return directory, os.path.join(directory, name)
    return directory, os.path.join(directory, _other_build_file(directory) or "Dockerfile")


def _other_build_file(directory: str) -> str:
    from ladle.core.build.build_files import other_build_file

    return other_build_file(directory)


def _options(values: Mapping[str, Any], build_file: str, environ: Mapping[str, str]) -> CompileOptions:
    platforms = tuple(parse_platform(part) for text in values["platforms"] for part in text.split(",") if part.strip())
    network = values["network"]
    if network not in ("", "default", "none", "host"):
        raise UsageError(f"unknown network mode {network!r}", code="LA0107", help="one of default, none, host")
    filters = tuple(part for text in values["no_cache_filter"] for part in text.split(",") if part)
    return CompileOptions(
        filename=os.path.basename(build_file) if build_file not in ("", "-") else "Dockerfile",
        target=values["target"],
        build_args=_build_args(values["build_args"], environ),
        labels=dict(_pair(text, "--label") for text in values["labels"]),
        platforms=platforms or (local_platform(),),
        build_platform=local_platform(),
        no_cache=() if values["no_cache"] else (filters or None),
        network="" if network == "default" else network,
        add_hosts=tuple(_host(text) for text in values["add_hosts"]),
        ulimits=tuple(_ulimit(text) for text in values["ulimits"]),
        shm_size=_size(values["shm_size"], "--shm-size"),
    )


def _build_args(texts: tuple[str, ...], environ: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    if "SOURCE_DATE_EPOCH" in environ:
        found["SOURCE_DATE_EPOCH"] = environ["SOURCE_DATE_EPOCH"]
    for text in texts:
        name, equals, value = text.partition("=")
        if not name:
            raise UsageError(f"--build-arg {text!r} has no name", code="LA0108", help="write it as NAME=VALUE or NAME")
        if equals:
            found[name] = value
        elif name in environ:
            found[name] = environ[name]
        else:
            found.pop(name, None)
    return found


def _pair(text: str, flag: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name:
        raise UsageError(f"{flag} {text!r} has no name", code="LA0108", help="write it as NAME=VALUE")
    return name, value


def _host(text: str) -> tuple[str, str]:
    name, sign, address = text.partition("=" if "=" in text else ":")
    if not name or not sign or not address:
        raise UsageError(f"bad --add-host {text!r}", code="LA0163", help="write it as HOST:IP")
    return name, address.strip("[]")


def _ulimit(text: str) -> tuple[str, int, int]:
    name, _, limits = text.partition("=")
    soft, _, hard = limits.partition(":")
    try:
        return name, int(soft), int(hard or soft)
    except ValueError:
        raise UsageError(f"bad --ulimit {text!r}", code="LA0164", help="write it as NAME=SOFT[:HARD]") from None


def _count(text: str, flag: str) -> int:
    if text and not (text.isascii() and text.isdigit() and 0 < int(text) <= 10_000):
        raise UsageError(f"{flag} takes a number from 1 to 10000, not {text!r}", code="LA0165")
    return int(text or 0)


def _size(text: str, flag: str) -> int:
    digits = text.rstrip("bBkKmMgG")
    unit = text[len(digits) :].lower()
    if text and (not digits.isascii() or not digits.isdigit() or unit not in _SIZES):
        raise UsageError(f"{flag} takes a size such as 64m, not {text!r}", code="LA0166")
    return int(digits or 0) * _SIZES[unit]


def _tag(text: str) -> str:
    try:
        reference = parse_reference(text)
    except ValueError as error:
        raise UsageError(
            f"bad tag {text!r}: {error}", code="LA0109", help="write it as name:tag, in lower case"
        ) from None
    if reference.digest:
        raise UsageError(f"bad tag {text!r}: a tag has no digest", code="LA0109")
    return str(reference)


def _context_spec(text: str, schemes: Callable[[], Collection[str]]) -> ContextSpec:
    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise UsageError(f"bad --build-context {text!r}", code="LA0113", help="write it as NAME=VALUE")
    for kind in ("docker-image", "oci-layout", "host"):
        if value.startswith(f"{kind}://"):
            return ContextSpec(name=name, kind=kind, value=value.removeprefix(f"{kind}://"))
    directory = os.path.abspath(value)
    if os.path.isdir(directory):
        return ContextSpec(name=name, kind="local", value=directory)
    for kind in ("target", "input"):
        if value.startswith(f"{kind}:") and len(value) > len(kind) + 1:
            return ContextSpec(name=name, kind=kind, value=value.removeprefix(f"{kind}:"))
    if is_git_url(value):
        _check_repository(name, value)
        return ContextSpec(name=name, kind="git", value=value)
    if value.startswith(("http://", "https://")):
        return ContextSpec(name=name, kind="http", value=value)
    scheme, separator, rest = value.partition("://")
    if separator:
        others = schemes()
        if scheme in others:
            return ContextSpec(name=name, kind=scheme, value=rest)
        more = f"; installed sources: {', '.join(sorted(others))}" if others else ""
        raise UsageError(f"--build-context {name}: {scheme!r} is no kind of context", code="LA0113", help=_KINDS + more)
    raise UsageError(f"--build-context {name}: {value!r} is not a directory", code="LA0113", help=_KINDS)


def _check_repository(name: str, value: str) -> None:
    try:
        parse_git_url(value)
    except ValueError as error:
        raise UsageError(f"--build-context {name}: bad git URL {value!r}: {error}", code="LA0115") from None


def parse_output(text: str) -> tuple[str, dict[str, str]]:
    """Return type and attributes of one `-o`: `dir`, `-`, or `type=T,k=v,…` (CSV with quotes, as buildx reads it).

    Of an attribute given twice the last one counts, but what may be repeated has a line for each.
    """
    import csv

    if not text:
        raise UsageError("an empty --output", code="LA0114", help="write it as a directory or type=TYPE,dest=PATH")
    fields = next(csv.reader([text]), [])
    if len(fields) == 1 and fields[0] == text and not text.startswith("type="):
        return ("tar", {"dest": "-"}) if text == "-" else ("local", {"dest": os.path.abspath(text)})
    attributes: dict[str, str] = {}
    for part in fields:
        name, equals, value = part.partition("=")
        if not equals:
            raise UsageError(f"bad --output {text!r}: {part!r} is not NAME=VALUE", code="LA0114")
        name = name.strip().lower()
        if name in _REPEATABLE and name in attributes:
            value = f"{attributes[name]}\n{value}"
        attributes[name] = value
    kind = attributes.pop("type", "")
    if not kind:
        raise UsageError(f"--output {text!r} has no type", code="LA0114", help="write it as type=TYPE,dest=PATH")
    if attributes.get("dest") not in (None, "", "-"):
        attributes["dest"] = os.path.abspath(attributes["dest"])
    return kind, attributes
