# SPDX-License-Identifier: Apache-2.0
"""Devices as the container device interface describes them: files below /etc/cdi and /var/run/cdi.

A spec names a kind, `vendor.com/class`, and its devices, each with what is to change in a container that gets it.
(https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md)
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ladle.core.api.errors import BuildError
from ladle.llb.values import dataclass

DIRECTORIES = ("/etc/cdi", "/var/run/cdi")
VARIABLE = "LADLE_CDI_SPEC_DIRS"
"""Names other directories, separated by colons; what a later one says of a device counts."""
MAX_SPEC_BYTES = 1 << 20
MAX_SPECS = 1000
CLASS = "org.mobyproject.buildkit.device.class"
AUTO_ALLOW = "org.mobyproject.buildkit.device.autoallow"

_KIND = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*/[A-Za-z][A-Za-z0-9_-]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*")
_EDITS = ("env", "deviceNodes", "mounts", "additionalGids")


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device by its whole name, `vendor.com/class=name`; `edits` are its own and those of all devices of its spec."""

    name: str
    annotations: Mapping[str, str]
    edits: Mapping[str, list[Any]]
    unsupported: tuple[str, ...]
    """What its spec asks for beyond what a step can be given, such as hooks."""
    spec: str

    @property
    def kind(self) -> str:
        """The name without the device's own part."""
        return self.name.partition("=")[0]


def directories(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return where specs are."""
    given = environ.get(VARIABLE, "")
    return tuple(path for path in given.split(":") if path) or DIRECTORIES


def load_devices(paths: Iterable[str]) -> tuple[dict[str, Device], list[str]]:
    """Return the devices of all specs by name, and what is wrong with the specs that cannot be used."""
    devices: dict[str, Device] = {}
    problems: list[str] = []
    for directory in paths:
        try:
            names = sorted(name for name in os.listdir(directory) if name.endswith((".json", ".yaml", ".yml")))
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(f"{directory}: {error.strerror}")
            continue
        here: dict[str, Device] = {}
        for name in names[:MAX_SPECS]:
            path = os.path.join(directory, name)
            try:
                for device in _devices(_read(path), path):
                    if device.name in here:
                        raise ValueError(f"{device.name} is in {here[device.name].spec} too")
                    here[device.name] = device
            except (OSError, ValueError) as error:
                problems.append(f"{path}: {getattr(error, 'strerror', None) or error}")
        devices |= here
    return devices, problems


def _read(path: str) -> Any:
    with open(path, "rb") as file:
        data = file.read(MAX_SPEC_BYTES + 1)
    if len(data) > MAX_SPEC_BYTES:
        raise ValueError(f"it is larger than {MAX_SPEC_BYTES} bytes")
    if path.endswith(".json"):
        import json

        return json.loads(data)
    import importlib

    try:
        yaml = importlib.import_module("yaml")
    except ImportError:
        raise ValueError("it is YAML, and the package `pyyaml` is not installed") from None
    try:
        return yaml.safe_load(data)
    except yaml.YAMLError as error:
        raise ValueError(f"it is no YAML: {error}") from None


def _devices(spec: Any, path: str) -> list[Device]:
    if not isinstance(spec, dict) or not isinstance(spec.get("cdiVersion"), str):
        raise ValueError("it has no cdiVersion")
    kind = spec.get("kind")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise ValueError(f"its kind is not VENDOR/CLASS: {kind!r}")
    found = []
    for entry in _list(spec, "devices"):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"a device has no proper name: {name!r}")
        edits = [_map(entry, "containerEdits"), _map(spec, "containerEdits")]
        annotations = {**_map(spec, "annotations"), **_map(entry, "annotations")}
        found.append(
            Device(
                name=f"{kind}={name}",
                annotations={str(key): str(value) for key, value in annotations.items()},
                edits={what: [each for part in edits for each in _list(part, what)] for what in _EDITS},
                unsupported=tuple(sorted({what for part in edits for what in part if part[what]} - set(_EDITS))),
                spec=path,
            )
        )
    return found


def _list(owner: Mapping[str, Any], name: str) -> list[Any]:
    found = owner.get(name) or []
    if not isinstance(found, list):
        raise ValueError(f"{name} is no list")
    return found


def _map(owner: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = owner.get(name) or {}
    if not isinstance(found, dict):
        raise ValueError(f"{name} is no map")
    return found


def node_of(entry: Any) -> dict[str, Any]:
    """Return a device node as the worker takes it; raises `ValueError`."""
    if not isinstance(entry, dict):
        raise ValueError("a device node is no map")
    path, host = entry.get("path"), entry.get("hostPath") or entry.get("path")
    kind, access = entry.get("type") or "", entry.get("permissions") or "rwm"
    if not _absolute(path) or not _absolute(host):
        raise ValueError(f"a device node has no absolute path: {path!r}")
    if kind not in ("", "c", "b", "u") or not isinstance(access, str) or set(access) - set("rwm"):
        raise ValueError(f"the device node {path} has the type {kind!r} and permissions {access!r}")
    numbers = {name: entry.get(name) for name in ("major", "minor", "fileMode", "uid", "gid")}
    if any(
        value is not None and (not isinstance(value, int) or not 0 <= value < 1 << 32) for value in numbers.values()
    ):
        raise ValueError(f"a number of the device node {path} is out of range")
    return {"path": path, "host": host, "kind": kind, "access": access, **numbers}


def mount_of(entry: Any) -> dict[str, Any]:
    """Return a mount as the worker takes it; raises `ValueError`."""
    if not isinstance(entry, dict) or not _absolute(entry.get("hostPath")) or not _absolute(entry.get("containerPath")):
        raise ValueError("a mount has no absolute hostPath and containerPath")
    if entry.get("type") not in (None, "", "bind", "none"):
        raise ValueError(f"the mount of {entry['hostPath']} has the type {entry['type']!r}, not bind")
    options = _list(entry, "options")
    return {"source": entry["hostPath"], "dest": entry["containerPath"], "readonly": "rw" not in options}


def _absolute(path: object) -> bool:
    return isinstance(path, str) and path.startswith("/") and "\0" not in path


def bad_spec(device: Device, error: ValueError) -> BuildError:
    """Return: a spec describes a device in a way that cannot be followed."""
    return BuildError(
        f"the device {device.name!r} cannot be given: {error}", code="LA0408", help=f"correct {device.spec}"
    )
