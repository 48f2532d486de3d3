# SPDX-License-Identifier: Apache-2.0
"""Devices by their specs: which are found, which are allowed, and what they change in a step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError, UsageError
from ladle.core.build import cdi
from ladle.core.build.devices import changes, devices_of
from ladle.core.build.entitlements import parse_allow
from ladle.llb.ops import CDIDevice, ExecOp, Meta, Mount

NULL = {"path": "/dev/ladle-null", "hostPath": "/dev/null"}
SPEC: dict[str, Any] = {
    "cdiVersion": "0.6.0",
    "kind": "vendor.com/gpu",
    "containerEdits": {"env": ["DRIVER=1"]},
    "devices": [
        {"name": "a", "containerEdits": {"env": ["GPU=a"], "deviceNodes": [NULL]}, "annotations": {cdi.CLASS: "fast"}},
        {"name": "b", "containerEdits": {"env": ["GPU=b"]}, "annotations": {cdi.AUTO_ALLOW: "true", cdi.CLASS: "fast"}},
        {"name": "c", "containerEdits": {"hooks": [{"hookName": "createContainer", "path": "/bin/true"}]}},
    ],
}


def op(name: str, *, optional: bool = False) -> ExecOp:
    devices = (CDIDevice(name=name, optional=optional),)
    return ExecOp(meta=Meta(args=("true",)), mounts=(Mount(dest="/", output=0),), cdi_devices=devices)


@pytest.fixture
def specs(tmp_path: Path) -> dict[str, str]:
    """Return the environment that names a directory with the spec."""
    (tmp_path / "vendor.json").write_text(json.dumps(SPEC))
    return {cdi.VARIABLE: str(tmp_path)}


@pytest.mark.row("SE-09")
@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("vendor.com/gpu=a", ["a"]),
        ("vendor.com/gpu=*", ["a", "b", "c"]),
        ("vendor.com/gpu", ["a"]),
        ("fast", ["a", "b"]),
        ("vendor.com/gpu=lost", []),
        ("slow", []),
    ],
)
def test_names(tmp_path: Path, name: str, found: list[str]) -> None:
    harmless = {**SPEC, "devices": [{**device, "containerEdits": {}} for device in SPEC["devices"]]}
    (tmp_path / "vendor.json").write_text(json.dumps(harmless))
    devices = devices_of(op(name, optional=True), {"device"}, environ={cdi.VARIABLE: str(tmp_path)})
    assert [device.name.partition("=")[2] for device in devices] == found


def test_a_missing_device_is_an_error_where_it_is_required(specs: dict[str, str]) -> None:
    assert devices_of(op("vendor.com/gpu=lost", optional=True), (), environ=specs) == []
    with pytest.raises(BuildError, match=r"required device 'vendor.com/gpu=lost' is not registered") as caught:
        devices_of(op("vendor.com/gpu=lost"), (), environ=specs)
    assert caught.value.notes == (f"no spec in {specs[cdi.VARIABLE]} names it",)


@pytest.mark.row("SE-08", "SE-09")
@pytest.mark.parametrize(
    "grant", ["device", "device=vendor.com/gpu=a", "device=vendor.com/gpu", "device=vendor.com/gpu=*"]
)
def test_a_device_needs_a_grant(specs: dict[str, str], grant: str) -> None:
    assert devices_of(op("vendor.com/gpu=a"), parse_allow([grant]), environ=specs)
    with pytest.raises(BuildError, match="requested by the build but not allowed") as caught:
        devices_of(op("vendor.com/gpu=a"), {"device=vendor.com/gpu=b"}, environ=specs)
    assert "--allow device=vendor.com/gpu=a" in caught.value.help


def test_an_alias_stands_for_a_device(specs: dict[str, str]) -> None:
    grants = parse_allow(["device=vendor.com/gpu=a,alias=mine"])
    assert [device.name for device in devices_of(op("mine"), grants, environ=specs)] == ["vendor.com/gpu=a"]


def test_a_spec_can_allow_its_devices(specs: dict[str, str]) -> None:
    assert devices_of(op("vendor.com/gpu=b"), (), environ=specs)


def test_hooks_are_refused(specs: dict[str, str]) -> None:
    with pytest.raises(BuildError, match="asks for hooks, which ladle does not do"):
        devices_of(op("vendor.com/gpu=c"), {"device"}, environ=specs)


def test_changes_are_the_devices_and_their_specs(specs: dict[str, str]) -> None:
    found = changes(devices_of(op("fast"), {"device"}, environ=specs))
    assert found["env"] == ["GPU=a", "DRIVER=1", "GPU=b"]
    assert [(node["path"], node["host"], node["access"]) for node in found["nodes"]] == [
        ("/dev/ladle-null", "/dev/null", "rwm")
    ]


@pytest.mark.parametrize(
    "edits",
    [
        {"env": ["novalue"]},
        {"deviceNodes": [{"path": "relative"}]},
        {"deviceNodes": [{"path": "/dev/x", "permissions": "rwx"}]},
        {"deviceNodes": [{"path": "/dev/x", "major": -1}]},
        {"mounts": [{"hostPath": "/x"}]},
        {"mounts": [{"hostPath": "/x", "containerPath": "/y", "type": "tmpfs"}]},
        {"additionalGids": ["1"]},
    ],
)
def test_a_device_described_wrongly(tmp_path: Path, edits: dict[str, Any]) -> None:
    spec = {"cdiVersion": "0.6.0", "kind": "v.com/x", "devices": [{"name": "a", "containerEdits": edits}]}
    (tmp_path / "v.json").write_text(json.dumps(spec))
    devices = devices_of(op("v.com/x=a"), {"device"}, environ={cdi.VARIABLE: str(tmp_path)})
    with pytest.raises(BuildError, match="cannot be given") as caught:
        changes(devices)
    assert "v.json" in caught.value.help


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"cdiVersion": "0.6.0"}',
        '{"cdiVersion": "1", "kind": "x"}',
        '{"cdiVersion": "1", "kind": "a/b", "devices": [{}]}',
    ],
)
def test_a_broken_spec_is_told_when_a_device_is_missed(tmp_path: Path, text: str) -> None:
    (tmp_path / "v.json").write_text(text)
    with pytest.raises(BuildError) as caught:
        devices_of(op("v.com/x=a"), {"device"}, environ={cdi.VARIABLE: str(tmp_path)})
    assert caught.value.notes[0].startswith(f"{tmp_path}/v.json: ")


def test_yaml_and_the_later_directory(tmp_path: Path) -> None:
    for name in ("etc", "run"):
        (tmp_path / name).mkdir()
        text = f"cdiVersion: '0.6.0'\nkind: v.com/x\ndevices: [{{name: a, containerEdits: {{env: [FROM={name}]}}}}]\n"
        (tmp_path / name / "v.yaml").write_text(text)
    found = devices_of(op("v.com/x=a"), {"device"}, environ={cdi.VARIABLE: f"{tmp_path}/etc:{tmp_path}/run"})
    assert changes(found)["env"] == ["FROM=run"]


def test_a_spec_has_a_size(tmp_path: Path) -> None:
    (tmp_path / "v.json").write_bytes(b" " * (cdi.MAX_SPEC_BYTES + 1))
    assert cdi.load_devices([str(tmp_path)]) == ({}, [f"{tmp_path}/v.json: it is larger than 1048576 bytes"])


def test_a_directory_has_a_number_of_specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdi, "MAX_SPECS", 2)
    for name in "abc":
        (tmp_path / f"{name}.json").write_text("{")
    assert len(cdi.load_devices([str(tmp_path), str(tmp_path / "none")])[1]) == 2


@pytest.mark.row("SE-08")
def test_an_unknown_entitlement() -> None:
    assert parse_allow(["host,network.host", "device=a.com/b=c"]) == ("host", "network.host", "device=a.com/b=c")
    for text in ("network", "device=", "security.insecure,x"):
        with pytest.raises(UsageError, match="unknown entitlement"):
            parse_allow([text])
