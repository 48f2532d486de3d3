# SPDX-License-Identifier: Apache-2.0
"""How the values of the frontend contract are written in messages (docs/frontend-protocol.md, version 1).

Values are maps of their fields by name; platforms are texts such as `linux/arm64/v8`; what a reader does not know is
an error, what is left out has its default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from ladle.core.api.channel import ChannelError
from ladle.core.api.diagnostics import Diagnostic, Label, Severity, SourceText, Span
from ladle.core.api.errors import BuildError
from ladle.core.api.frontend import (
    BuildResult,
    CallResult,
    CompileOptions,
    HostBase,
    ImageResult,
    NamedContext,
    ResolvedImage,
)
from ladle.core.api.platforms import format_platform, parse_platform

PROTOCOL = 1
"""The version of the protocol; a frontend refuses one that it does not speak."""
MAX_DIAGNOSTICS = 1_000
_MAX_NESTING = 100

_PLAIN_OPTIONS = ("filename", "target", "network", "hostname", "shm_size", "arguments")


def options_to_wire(options: CompileOptions) -> dict[str, Any]:
    """Return the map of what the user asked for."""
    wire: dict[str, Any] = {name: getattr(options, name) for name in _PLAIN_OPTIONS}
    return wire | {
        "build_args": dict(options.build_args),
        "labels": dict(options.labels),
        "platforms": [format_platform(platform) for platform in options.platforms],
        "build_platform": format_platform(options.build_platform) if options.build_platform else None,
        "no_cache": options.no_cache,
        "add_hosts": options.add_hosts,
        "ulimits": options.ulimits,
    }


def options_from_wire(wire: Mapping[str, Any]) -> CompileOptions:
    """Return the options of a map."""
    return CompileOptions(
        **{name: wire[name] for name in ("filename", "target", "network", "hostname", "shm_size")},
        arguments=tuple(wire.get("arguments", ())),
        build_args=wire["build_args"],
        labels=wire["labels"],
        platforms=tuple(parse_platform(name) for name in wire["platforms"]),
        build_platform=parse_platform(wire["build_platform"]) if wire["build_platform"] else None,
        no_cache=None if wire["no_cache"] is None else tuple(wire["no_cache"]),
        add_hosts=tuple((host, ip) for host, ip in wire["add_hosts"]),
        ulimits=tuple((name, soft, hard) for name, soft, hard in wire["ulimits"]),
    )


def image_to_wire(image: ResolvedImage) -> dict[str, Any]:
    """Return the map of a resolved image."""
    return {
        "name": image.name,
        "scheme": image.scheme,
        "pinned": image.pinned,
        "digest": image.digest,
        "config": image.config,
        "platform": format_platform(image.platform),
        "attrs": [list(pair) for pair in image.attrs],
    }


def image_from_wire(wire: Mapping[str, Any]) -> ResolvedImage:
    """Return the resolved image of a map."""
    attrs = tuple((name, value) for name, value in wire["attrs"])
    names = ("name", "scheme", "pinned", "digest", "config")
    fields = {name: wire[name] for name in names}
    return ResolvedImage(**fields, platform=parse_platform(wire["platform"]), attrs=attrs)


def named_to_wire(named: NamedContext | None) -> dict[str, Any] | None:
    """Return the map of a named context, None for None."""
    if named is None:
        return None
    return {
        "name": named.name,
        "kind": named.kind,
        "local": named.local,
        "ignore": named.ignore,
        "image": None if named.image is None else image_to_wire(named.image),
        "host": None if named.host is None else host_to_wire(named.host),
        "value": named.value,
    }


def named_from_wire(wire: Mapping[str, Any] | None) -> NamedContext | None:
    """Return the named context of a map, None for None."""
    if wire is None:
        return None
    return NamedContext(
        name=wire["name"],
        kind=wire["kind"],
        local=wire["local"],
        ignore=wire["ignore"],
        image=None if wire["image"] is None else image_from_wire(wire["image"]),
        host=None if wire["host"] is None else host_from_wire(wire["host"]),
        value=wire["value"],
    )


def host_to_wire(host: HostBase) -> dict[str, Any]:
    """Return the map of the machine as a base."""
    return {"dirs": list(host.dirs), "env": list(host.env)}


def host_from_wire(wire: Mapping[str, Any]) -> HostBase:
    """Return the machine as a base of a map."""
    return HostBase(dirs=tuple(wire["dirs"]), env=tuple(wire["env"]))


def error_to_wire(error: BuildError) -> dict[str, Any]:
    """Return the map of an error that answers a question."""
    return {"message": error.message, "code": error.code, "notes": list(error.notes), "help": error.help}


def error_from_wire(wire: Mapping[str, Any]) -> BuildError:
    """Return the error of a map."""
    notes = [str(note) for note in wire.get("notes", ())]
    code = str(wire.get("code") or "LA0001")
    return BuildError(str(wire.get("message", "")), code=code, notes=notes, help=str(wire.get("help", "")))


def diagnostics_to_wire(diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    """Return the map of findings: `sources` once each, labels by source number and offsets in characters."""
    sources: dict[SourceText, int] = {}
    found = [
        {
            "code": each.code,
            "severity": each.severity.value,
            "message": each.message,
            "labels": [
                [sources.setdefault(label.span.source, len(sources)), label.span.start, label.span.end, label.text]
                for label in each.labels
            ],
            "notes": list(each.notes),
            "help": each.help,
            "rule": each.rule,
        }
        for each in diagnostics
    ]
    return {"sources": [[source.name, source.text] for source in sources], "diagnostics": found}


def diagnostics_from_wire(wire: object) -> tuple[Diagnostic, ...]:
    """Return the findings of a map from anywhere; raises `ChannelError` for what is none."""
    try:
        assert isinstance(wire, dict)
        sources = [SourceText(_text(name), _text(text)) for name, text in wire.get("sources", [])]
        found = wire["diagnostics"][:MAX_DIAGNOSTICS]
        return tuple(_diagnostic(each, sources) for each in found)
    except (AssertionError, LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ChannelError(f"the diagnostics are malformed: {error or type(error).__name__}") from None


def _diagnostic(wire: Mapping[str, Any], sources: Sequence[SourceText]) -> Diagnostic:
    labels = []
    for number, start, end, text in wire.get("labels", []):
        source = sources[number]
        start = max(0, min(int(start), len(source.text)))
        labels.append(Label(Span(source, start, max(start, min(int(end), len(source.text)))), _text(text)))
    return Diagnostic(
        code=_text(wire.get("code", "FE0001")),
        severity=Severity(wire.get("severity", "error")),
        message=_text(wire["message"]),
        labels=tuple(labels),
        notes=tuple(_text(note) for note in wire.get("notes", [])),
        help=_text(wire.get("help", "")),
        rule=_text(wire.get("rule", "")),
    )


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError(f"a text was expected, not {type(value).__name__}")
    return value


def result_to_wire(result: BuildResult) -> dict[str, Any]:
    """Return the map of a compiled build: `graph` in the indexed form, `images` with the names of their results."""
    from ladle.llb.indexed import to_indexed
    from ladle.llb.marshalling import marshal

    names = [format_platform(image.platform) for image in result.images]
    return {
        "graph": to_indexed(marshal({name: image.state for name, image in zip(names, result.images, strict=True)})),
        "images": [
            {"platform": name, "config": image.config, "base_history": image.base_history}
            for name, image in zip(names, result.images, strict=True)
        ],
        "epoch": result.epoch,
        "metadata": dict(result.metadata),
    }


def result_from_wire(wire: object) -> BuildResult:
    """Return the compiled build of a map from anywhere.

    Raises `ChannelError` for what is none, `LLBError` for a graph that is not valid.
    """
    from ladle.llb.indexed import from_indexed
    from ladle.llb.state import State

    if not isinstance(wire, dict) or not isinstance(wire.get("images"), list) or not wire["images"]:
        raise ChannelError("a result is a map with a list of images")
    definition = from_indexed(wire.get("graph"))
    images = []
    for image in wire["images"]:
        if not isinstance(image, dict) or not isinstance(image.get("platform"), str):
            raise ChannelError("an image is a map with a platform")
        name = image["platform"]
        config = image.get("config", {})
        history = image.get("base_history", 0)
        if not isinstance(config, dict) or type(history) is not int or history < 0:
            raise ChannelError(f"the image for {name}: config is a map, base_history a count")
        _check_json(config, f"the config of the image for {name}")
        state = State.from_definition(definition, name)
        images.append(ImageResult(platform=_platform(name), state=state, config=config, base_history=history))
    epoch = wire.get("epoch")
    metadata = wire.get("metadata", {})
    if (epoch is not None and type(epoch) is not int) or not isinstance(metadata, dict):
        raise ChannelError("epoch is a number of seconds, metadata a map")
    return BuildResult(images=tuple(images), epoch=epoch, metadata={str(k): str(v) for k, v in metadata.items()})


def _platform(name: str) -> Any:
    try:
        return parse_platform(name)
    except BuildError as error:
        raise ChannelError(error.message) from None


def _check_json(value: object, what: str, depth: int = 0) -> None:
    """Raise `ChannelError` for what JSON cannot hold: bytes, keys that are no texts, infinities, endless nesting."""
    if depth > _MAX_NESTING:
        raise ChannelError(f"{what} is nested more than {_MAX_NESTING} deep")
    if type(value) is dict:
        for name, inner in value.items():
            if type(name) is not str:
                raise ChannelError(f"{what} has a key that is no text: {str(name)[:80]!r}")
            _check_json(inner, what, depth + 1)
    elif type(value) is list:
        for inner in value:
            _check_json(inner, what, depth + 1)
    elif value is not None and type(value) not in (bool, int, str) and not (type(value) is float and isfinite(value)):
        raise ChannelError(f"{what} holds {str(value)[:80]!r}, which JSON cannot say")


def answer_to_wire(result: CallResult) -> dict[str, Any]:
    """Return the map of the answer to a call such as `outline`."""
    return {"data": result.data, "text": result.text, "status": result.status}


def answer_from_wire(wire: object) -> CallResult:
    """Return the answer of a map from anywhere; raises `ChannelError` for what is none."""
    if not isinstance(wire, dict) or not isinstance(wire.get("text"), str) or type(wire.get("status", 0)) is not int:
        raise ChannelError("an answer is a map with text, data and a status")
    _check_json(wire.get("data"), "the data of an answer")
    return CallResult(data=wire.get("data"), text=wire["text"], status=wire.get("status", 0))
