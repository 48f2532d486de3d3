# SPDX-License-Identifier: Apache-2.0
"""Where registries are, who logs in how, and when to try again."""

from __future__ import annotations

import base64
import json
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest

from ladle.plugins.registry.auth import Challenge, parse_challenge
from ladle.plugins.registry.credentials import find_credentials
from ladle.plugins.registry.endpoint import find_endpoint
from ladle.plugins.registry.retry import pause


@pytest.mark.parametrize(
    ("name", "insecure", "url"),
    [
        ("docker.io", (), "https://registry-1.docker.io"),
        ("ghcr.io", (), "https://ghcr.io"),
        ("localhost:5000", (), "http://localhost:5000"),
        ("127.0.0.1", (), "http://127.0.0.1"),
        ("[::1]:5000", (), "http://[::1]:5000"),
        ("registry.lan:5000", (), "https://registry.lan:5000"),
        ("registry.lan:5000", ("registry.lan:5000",), "http://registry.lan:5000"),
        ("localhost.evil.example", (), "https://localhost.evil.example"),
    ],
)
def test_plain_http_is_for_loopback_and_what_is_named(name: str, insecure: tuple[str, ...], url: str) -> None:
    assert find_endpoint(name, insecure).url == url


@pytest.mark.parametrize(
    ("host", "key", "found"),
    [
        ("docker.io", "https://index.docker.io/v1/", True),
        ("ghcr.io", "ghcr.io", True),
        ("ghcr.io", "https://ghcr.io", True),
        ("ghcr.io", "quay.io", False),
    ],
)
def test_credentials_of_docker_login(tmp_path: Path, host: str, key: str, found: bool) -> None:
    auth = base64.b64encode(b"me:se:cret").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {key: {"auth": auth}}}))
    credentials = find_credentials(host, {"DOCKER_CONFIG": str(tmp_path)})
    assert (credentials is not None) is found
    if credentials is not None:
        assert (credentials.username, credentials.password) == ("me", "se:cret")


@pytest.mark.parametrize(
    "text", ["", "[]", '{"auths": []}', '{"auths": {"x": {"auth": "%%%"}}}', '{"auths": {"x": 1}}']
)
def test_odd_configs_mean_anonymous(tmp_path: Path, text: str) -> None:
    assert find_credentials("x", {"DOCKER_CONFIG": str(tmp_path)}) is None
    (tmp_path / "config.json").write_text(text)
    assert find_credentials("x", {"DOCKER_CONFIG": str(tmp_path)}) is None
    assert find_credentials("x", {}) is None


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        (
            ['Bearer realm="https://a/t",service="s",scope="repository:x:pull,push"'],
            Challenge(scheme="bearer", realm="https://a/t", service="s", scope="repository:x:pull,push"),
        ),
        (["Basic realm=r", 'bearer realm="t"'], Challenge(scheme="bearer", realm="t")),
        (['BASIC realm="a \\"b\\""'], Challenge(scheme="basic", realm='a "b"')),
        (["Negotiate"], None),
        ([], None),
    ],
)
def test_challenges(headers: list[str], challenge: Challenge | None) -> None:
    assert parse_challenge(headers) == challenge


def test_waiting_doubles_and_has_an_end() -> None:
    slept: list[float] = []
    for attempt in range(12):
        pause(attempt, sleep=slept.append)
    assert 0.1 < slept[0] < 0.3
    assert slept[-1] == 60
    pause(0, formatdate(time() + 30, usegmt=True), sleep=slept.append)
    assert 25 < slept[-1] <= 30
    pause(0, "100000", sleep=slept.append)
    assert slept[-1] == 60
    pause(0, "soon", sleep=slept.append)
    assert slept[-1] < 1
