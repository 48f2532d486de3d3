# SPDX-License-Identifier: Apache-2.0
"""The text form: every vertex once, in order of use, with whatever is not the default.

```
v1 source docker-image://docker.io/library/alpine:latest
   platform linux/amd64
v2 exec make
   on v1
   # RUN make
result v2
```
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from enum import IntEnum
from typing import Any

from ladle.llb.definition import Definition
from ladle.llb.metadata import CUSTOM_NAME, OpMetadata
from ladle.llb.ops import BuildOp, ByName, ChownOpt, DiffOp, ExecOp, FileAction, FileOp, MergeOp, Mount, MountType
from ladle.llb.ops.passthrough import PassthroughOp
from ladle.llb.ops.source import SourceOp
from ladle.llb.render.labels import action_label, kind_label, op_label, owner_label
from ladle.llb.vertex import Edge, Vertex

_SHOWN_IN_LABEL = frozenset(("src", "dest", "path", "oldpath", "newpath", "data"))


def render_text(definition: Definition, *, digests: bool = False) -> str:
    """Return the text form; it ends with a newline unless there is nothing at all."""
    names = {vertex.digest: f"v{number}" for number, vertex in enumerate(definition.vertices, 1)}
    lines: list[str] = []
    for vertex in definition.vertices:
        one_line = not isinstance(vertex.op, FileOp) or len(vertex.op.actions) == 1
        label = op_label(vertex.op) if one_line else kind_label(vertex.op)
        lines.append(f"{names[vertex.digest]} {_escaped(label)}")
        if digests:
            lines.append(f"   {vertex.digest}")
        lines += [f"   {_escaped(line)}" for line in _details(vertex, names)]
        lines += [f"   {_escaped(line)}" for line in _said(definition.metadata_of(vertex))]
    for name, edge in definition.results:
        lines.append(f"result {name + ': ' if name else ''}{_edge(edge, names)}")
    return "\n".join(lines) + "\n"


def _escaped(line: str) -> str:
    """Keep a line one line: control characters are shown as Python writes them."""
    return "".join([char if char.isprintable() else repr(char)[1:-1] for char in line])


def _edge(edge: Edge | None, names: dict[str, str]) -> str:
    if edge is None:
        return "scratch"
    return names[edge.digest] + (f"[{edge.index}]" if edge.index or edge.vertex.op.output_count > 1 else "")


def _details(vertex: Vertex, names: dict[str, str]) -> Iterator[str]:
    if vertex.platform is not None:
        yield f"platform {vertex.platform.id}"
        for field in ("os_version", "os_features"):
            if value := getattr(vertex.platform, field):
                yield f"platform {field} {_value(value)}"
    if vertex.constraints:
        yield f"constraints {_value(vertex.constraints)}"
    inputs = [_edge(edge, names) for edge in vertex.inputs]
    op = vertex.op
    if isinstance(op, SourceOp):
        yield from (f"{name} = {value}" for name, value in op.attrs)
    elif isinstance(op, ExecOp):
        yield from _exec(op, inputs)
    elif isinstance(op, FileOp):
        yield from _file(op, inputs)
    elif isinstance(op, MergeOp):
        yield "layers " + ", ".join(_at(index, inputs) for index in op.inputs)
    elif isinstance(op, DiffOp):
        yield f"from {_at(op.lower, inputs)} to {_at(op.upper, inputs)}"
    elif isinstance(op, BuildOp):
        yield from _build(op, inputs)
    elif isinstance(op, PassthroughOp):
        yield "after " + ", ".join(inputs)
        yield "outputs " + ", ".join(_at(index, inputs) for index in op.outputs)


def _build(op: BuildOp, inputs: list[str]) -> Iterator[str]:
    if op.builder >= 0:
        yield f"builder {_at(op.builder, inputs)}"
    yield from (f"input {name} = {_at(index, inputs)}" for name, index in op.inputs)
    if op.definition:
        yield f"definition of {len(op.definition)} bytes"
    yield from (f"{name} = {value}" for name, value in op.attrs)


def _exec(op: ExecOp, inputs: list[str]) -> Iterator[str]:
    for mount in op.mounts:
        yield _mount(mount, inputs)
    for field in fields(op.meta):
        value = getattr(op.meta, field.name)
        if field.name == "env":
            yield from (f"env {text}" for text in value)
        elif field.name not in ("args", "remove_mount_stubs_recursive") and value != field.default:
            yield f"{field.name} {_value(value)}"
    if not op.meta.remove_mount_stubs_recursive:  # State.run and BuildKit's client always set it
        yield "keeps mount stubs"
    for field in fields(op):
        if field.name not in ("meta", "mounts") and (value := getattr(op, field.name)) != field.default:
            yield f"{field.name} {_value(value)}"


def _mount(mount: Mount, inputs: list[str]) -> str:
    kind = "on" if mount.dest == "/" else f"mount {mount.mount_type.name.lower()} {mount.dest}"
    source = "" if mount.mount_type in (MountType.SECRET, MountType.SSH) else _at(mount.input, inputs)
    if mount.input < 0 and mount.mount_type in (MountType.CACHE, MountType.TMPFS):
        source = ""
    words = [kind, source, mount.selector]
    if mount.readonly:
        words.append("readonly")
    if mount.mount_type is MountType.BIND and (mount.dest != "/" or mount.output != 0):
        words.append(f"output {mount.output}" if mount.output >= 0 else "")
    for name in ("tmpfs_opt", "cache_opt", "secret_opt", "ssh_opt"):
        if option := getattr(mount, name):
            words.append(_value(option))
    if mount.content_cache:
        words.append(f"content_cache {mount.content_cache.name}")
    if mount.result_id:
        words.append(f"result_id {mount.result_id}")
    return " ".join(filter(None, words))


def _file(op: FileOp, inputs: list[str]) -> Iterator[str]:
    known = list(inputs)
    several = len(op.actions) > 1
    for number, item in enumerate(op.actions, 1):
        known.append(f"a{number}")
        words = [f"a{number} {action_label(item)}"] if several else []
        words.append(f"on {_at(item.input, known)}")
        if item.secondary_input >= 0 or type(item.action).__name__ == "Copy":
            words.append(f"from {_at(item.secondary_input, known)}")
        if item.output > 0 or (several and item.output == 0):
            words.append(f"output {item.output}")
        yield " ".join([*words, *_options(item, known)])


def _options(item: FileAction, known: list[str]) -> Iterator[str]:
    for field in fields(item.action):
        value = getattr(item.action, field.name)
        if field.name in _SHOWN_IN_LABEL or value == field.default:
            continue
        if isinstance(value, ChownOpt):
            yield f"owner {owner_label(value)}"
            named = {half.input for half in (value.user, value.group) if isinstance(half, ByName)}
            yield from (f"of {_at(index, known)}" for index in sorted(named - {item.input}))
        elif value is True:
            yield field.name
        elif field.name == "mode":
            yield f"mode {value:04o}" if value >= 0 else "mode -1"
        else:
            yield f"{field.name} {_value(value)}"


def _said(said: OpMetadata) -> Iterator[str]:
    if said.name:
        yield f"# {said.name}"
    yield from (f"# {key} = {value}" for key, value in said.description if key != CUSTOM_NAME)
    if said.ignore_cache:
        yield "# not from the cache"
    if said.cache_ttl:
        yield f"# from the cache for {said.cache_ttl} s"
    if said.export_cache is not None:
        yield f"# export_cache {said.export_cache}"
    if said.progress_group is not None:
        yield f"# group {said.progress_group.name or said.progress_group.id}{' weak' * said.progress_group.weak}"
    if said.linux_resources is not None:
        yield f"# {_value(said.linux_resources)}"


def _at(index: int, inputs: list[str]) -> str:
    return "scratch" if index < 0 else inputs[index]


def _value(value: Any) -> str:
    if isinstance(value, IntEnum):
        return value.name
    if isinstance(value, tuple):
        return ", ".join(_value(item) for item in value)
    if hasattr(value, "__dataclass_fields__"):
        changed = [field for field in fields(value) if getattr(value, field.name) != field.default]
        return " ".join(f"{field.name}={_value(getattr(value, field.name))}" for field in changed)
    return value if isinstance(value, str) else repr(value)
