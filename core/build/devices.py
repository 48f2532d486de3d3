# SPDX-License-Identifier: Apache-2.0
"""The devices of a step (`RUN --device`, SE-09): found among the specs, allowed by the user, made into changes."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError
from ladle.core.build.cdi import AUTO_ALLOW, CLASS, Device, bad_spec, directories, load_devices, mount_of, node_of

if TYPE_CHECKING:
    from ladle.llb.ops.exec import ExecOp


def devices_of(op: ExecOp, grants: Collection[str], *, environ: Mapping[str, str] | None = None) -> list[Device]:
    """Return the devices that a step gets; those that are not there are left out unless they are required.

    Raises `BuildError` for one that is required and not there, not allowed, or that asks for more than can be given.
    """
    places = directories(os.environ if environ is None else environ)
    known, problems = load_devices(places)
    found: dict[str, Device] = {}
    for asked in op.cdi_devices:
        chosen = _find(_unaliased(asked.name, grants), known)
        if not chosen and not asked.optional:
            raise BuildError(
                f"required device {asked.name!r} is not registered",
                code="LA0403",
                notes=problems or [f"no spec in {' or '.join(places)} names it"],
                help="install the spec that its vendor gives for the container device interface (CDI)",
            )
        for device in chosen:
            if not _allowed(asked.name, device, grants):
                raise BuildError(
                    f"device {device.name!r} is requested by the build but not allowed",
                    code="LA0409",
                    help=f"grant it with --allow device={device.name}, or all with --allow device",
                )
            if device.unsupported:
                raise BuildError(
                    f"device {device.name!r} asks for {', '.join(device.unsupported)}, which ladle does not do",
                    code="LA0408",
                    notes=[f"it is described in {device.spec}"],
                    help="leave the device out, or write a spec for it with env, deviceNodes and mounts alone",
                )
            found[device.name] = device
    return list(found.values())


def changes(devices: Sequence[Device]) -> dict[str, Any]:
    """Return what the worker is to do for devices: nodes, mounts, groups and environment; raises `BuildError`."""
    found: dict[str, Any] = {"nodes": [], "mounts": [], "groups": [], "env": []}
    for device in devices:
        try:
            nodes = [node_of(entry) for entry in device.edits["deviceNodes"]]
            mounts = [mount_of(entry) for entry in device.edits["mounts"]]
            texts = [_checked(entry, str) for entry in device.edits["env"]]
            groups = [_checked(entry, int) for entry in device.edits["additionalGids"]]
        except ValueError as error:
            raise bad_spec(device, error) from None
        for name, entries in (("nodes", nodes), ("mounts", mounts), ("env", texts), ("groups", groups)):
            found[name] += [entry for entry in entries if entry not in found[name]]
    return found


def _find(name: str, known: Mapping[str, Device]) -> list[Device]:
    """Return the devices of a name: one; `KIND=*` all, `KIND` the first of a kind; or all of a class by annotation."""
    if name in known:
        return [known[name]]
    kind, equals, which = name.partition("=")
    of_kind = [known[each] for each in sorted(known) if known[each].kind == kind]
    if equals:
        return of_kind if which == "*" else []
    if "/" in name:
        return of_kind[:1]
    return [known[each] for each in sorted(known) if known[each].annotations.get(CLASS) == name]


def _allowed(asked: str, device: Device, grants: Collection[str]) -> bool:
    if "device" in grants or device.annotations.get(AUTO_ALLOW) == "true":
        return True
    names = {grant.removeprefix("device=").partition(",")[0] for grant in grants if grant.startswith("device=")}
    return bool(names & {_unaliased(asked, grants), device.name, device.kind, f"{device.kind}=*"})


def _unaliased(name: str, grants: Collection[str]) -> str:
    """Return the name that `--allow device=NAME,alias=ALIAS` puts in another's place."""
    for grant in grants:
        real, comma, alias = grant.removeprefix("device=").partition(",alias=")
        if grant.startswith("device=") and comma and alias == name:
            return real
    return name


def _checked(entry: Any, kind: type) -> Any:
    if not isinstance(entry, kind) or (isinstance(entry, str) and "=" not in entry):
        raise ValueError(f"{entry!r} is not what belongs there")
    return entry
