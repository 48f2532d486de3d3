# SPDX-License-Identifier: Apache-2.0
"""The HEAD over a bare socket."""

from __future__ import annotations

from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.plugins.registry.endpoint import find_endpoint
from ladle.plugins.registry.head import head_digest

DIGEST = "sha256:" + "a" * 64


def test_takes_the_digest_from_the_header(server: Any, answer: Any) -> None:
    server.answer = lambda request: answer(headers={"docker-content-digest": DIGEST, "Content-Length": "5"})
    assert head_digest(find_endpoint(server.host), "lib/app", "1") == DIGEST
    (request,) = server.requests
    assert (request.method, request.path) == ("HEAD", "/v2/lib/app/manifests/1")
    assert request.headers["accept"].count("application/vnd.") == 4
    assert request.headers["host"] == server.host


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (401, {"Docker-Content-Digest": DIGEST}),
        (404, {}),
        (307, {"Location": "/x"}),
        (500, {}),
        (200, {}),
        (200, {"Docker-Content-Digest": "sha256:short"}),
        (200, {"Docker-Content-Digest": "md5:" + "a" * 64}),
    ],
)
def test_leaves_everything_else_to_the_full_client(
    server: Any, answer: Any, status: int, headers: dict[str, str]
) -> None:
    server.answer = lambda request: answer(status=status, headers=headers)
    assert head_digest(find_endpoint(server.host), "app", "1") == ""


def test_an_unreachable_registry_is_named_with_its_port() -> None:
    with pytest.raises(BuildError) as caught:
        head_digest(find_endpoint("localhost:1"), "app", "1")
    assert (caught.value.code, "localhost:1" in caught.value.message) == ("LA0204", True)


def test_a_proxy_is_left_to_the_full_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert head_digest(find_endpoint("registry.example"), "app", "1") == ""
