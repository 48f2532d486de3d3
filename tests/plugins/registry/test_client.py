# SPDX-License-Identifier: Apache-2.0
"""The full client against a server that misbehaves."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.oci.documents import MANIFEST_LIMIT, Descriptor
from ladle.plugins.registry.client import RegistryClient
from ladle.plugins.registry.credentials import Credentials
from ladle.plugins.registry.endpoint import find_endpoint

BLOB = bytes(range(256)) * 4096
DIGEST = f"sha256:{hashlib.sha256(BLOB).hexdigest()}"
LAYER = Descriptor(media_type="x", digest=DIGEST, size=len(BLOB))


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def client(server: Any, pauses: list[float]) -> Iterator[RegistryClient]:
    with RegistryClient(find_endpoint(server.host), sleep=pauses.append, timeout=5) as client:
        yield client


def from_range(request: Any, answer: Any, **options: Any) -> Any:
    """Answer with the rest of the blob that is asked for."""
    start = int(request.headers.get("range", "bytes=0-")[6:-1])
    headers = {"Content-Range": f"bytes {start}-{len(BLOB) - 1}/{len(BLOB)}"} if start else {}
    return answer(BLOB[start:], status=206 if start else 200, headers=headers, **options)


def test_a_broken_download_goes_on_where_it_broke_off(
    client: RegistryClient, server: Any, answer: Any, tmp_path: Path
) -> None:
    server.answer = lambda request: from_range(request, answer, cut=600_000 if len(server.requests) == 1 else None)
    seen: list[int] = []
    client.download("app", LAYER, str(tmp_path / "blob"), progress=seen.append)
    assert (tmp_path / "blob").read_bytes() == BLOB
    assert server.requests[1].headers["range"] == "bytes=600000-"
    assert seen[-1] == len(BLOB)


def test_a_registry_without_ranges_is_read_from_the_start(
    client: RegistryClient, server: Any, answer: Any, tmp_path: Path
) -> None:
    server.answer = lambda request: answer(BLOB, cut=600_000 if len(server.requests) == 1 else None)
    client.download("app", LAYER, str(tmp_path / "blob"))
    assert (tmp_path / "blob").read_bytes() == BLOB


def test_a_download_that_brings_nothing_is_given_up(
    client: RegistryClient, server: Any, answer: Any, tmp_path: Path, pauses: list[float]
) -> None:
    server.answer = lambda request: answer(BLOB, cut=0)
    with pytest.raises(BuildError, match="broke off again and again"):
        client.download("app", LAYER, str(tmp_path / "blob"))
    assert len(server.requests) == 5
    assert pauses == sorted(pauses)


@pytest.mark.parametrize("body", [BLOB[:-1] + b"x", BLOB + b"x"])
def test_other_bytes_than_promised_are_refused(
    client: RegistryClient, server: Any, answer: Any, tmp_path: Path, body: bytes
) -> None:
    server.answer = lambda request: answer(body)
    with pytest.raises(BuildError) as caught:
        client.download("app", LAYER, str(tmp_path / "blob"))
    assert caught.value.code == "LA0206"
    assert DIGEST in caught.value.message


def test_an_endless_blob_is_stopped_at_its_size(
    client: RegistryClient, server: Any, answer: Any, tmp_path: Path
) -> None:
    server.answer = lambda request: answer(bytes(8 << 20))
    with pytest.raises(BuildError, match="is longer than"):
        client.download("app", LAYER, str(tmp_path / "blob"))
    assert (tmp_path / "blob").stat().st_size <= LAYER.size


def test_a_download_can_be_cancelled(client: RegistryClient, server: Any, answer: Any, tmp_path: Path) -> None:
    stop = threading.Event()
    server.answer = lambda request: answer(BLOB)
    with pytest.raises(BuildError, match="cancelled"):
        client.download("app", LAYER, str(tmp_path / "blob"), stop=stop, progress=lambda received: stop.set())


@pytest.mark.parametrize("status", [429, 500, 503])
def test_waits_as_long_as_the_registry_asks(
    client: RegistryClient, server: Any, answer: Any, pauses: list[float], status: int
) -> None:
    body = json.dumps({"schemaVersion": 2}).encode()
    server.answer = lambda request: (
        answer(status=status, headers={"Retry-After": "7"}) if len(server.requests) < 3 else answer(body)
    )
    assert client.manifest("app", "1").data == body
    assert pauses == [7.0, 7.0]


def test_gives_up_on_a_registry_that_only_fails(
    client: RegistryClient, server: Any, answer: Any, pauses: list[float]
) -> None:
    server.answer = lambda request: answer(status=503)
    with pytest.raises(BuildError, match="answered 503"):
        client.manifest("app", "1")
    assert len(pauses) == 4


def test_a_huge_manifest_is_refused(client: RegistryClient, server: Any, answer: Any) -> None:
    server.answer = lambda request: answer(bytes(MANIFEST_LIMIT + 1))
    with pytest.raises(BuildError) as caught:
        client.manifest("app", "1")
    assert caught.value.code == "LA0208"


def test_a_manifest_with_another_digest_is_refused(client: RegistryClient, server: Any, answer: Any) -> None:
    server.answer = lambda request: answer(b"{}")
    with pytest.raises(BuildError) as caught:
        client.manifest("app", DIGEST)
    assert caught.value.code == "LA0206"
    server.answer = lambda request: answer(b"{}", headers={"Docker-Content-Digest": DIGEST})
    with pytest.raises(BuildError, match="digest mismatch"):
        client.manifest("app", "1")


def test_a_missing_tag_names_those_that_there_are(client: RegistryClient, server: Any, answer: Any) -> None:
    def respond(request: Any) -> Any:
        if request.path.endswith("/tags/list"):
            return answer(b'{"name": "app", "tags": ["2", "1"]}')
        return answer(b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}', status=404)

    server.answer = respond
    with pytest.raises(BuildError) as caught:
        client.manifest("app", "3")
    assert caught.value.code == "LA0203"
    assert caught.value.notes == ("the repository has: 1, 2",)


def bearer(server: Any, answer: Any, *, realm: str = "") -> Any:
    """Answer as a registry with a token server; the token is the scope backwards."""

    def respond(request: Any) -> Any:
        if request.path.startswith("/token"):
            return answer(json.dumps({"token": f"for-{request.headers.get('authorization', 'nobody')}"}).encode())
        if request.headers.get("authorization", "").startswith("Bearer for-"):
            return answer(b"{}")
        where = realm or f"http://{server.host}/token"
        challenge = f'Bearer realm="{where}",service="reg",scope="repository:app:pull"'
        return answer(status=401, headers={"WWW-Authenticate": challenge})

    return respond


def test_an_anonymous_token_is_fetched_once(client: RegistryClient, server: Any, answer: Any) -> None:
    server.answer = bearer(server, answer)
    client.manifest("app", "1")
    client.manifest("app", "2")
    paths = [request.path for request in server.requests]
    assert len(paths) == 4
    assert paths[1] == "/token?service=reg&scope=repository%3Aapp%3Apull"
    assert server.requests[3].headers["authorization"] == "Bearer for-nobody"


def test_credentials_go_to_the_token_server(server: Any, answer: Any) -> None:
    server.answer = bearer(server, answer)
    credentials = Credentials(username="me", password="secret")
    with RegistryClient(find_endpoint(server.host), credentials=credentials) as client:
        client.manifest("app", "1")
    assert server.requests[1].headers["authorization"] == "Basic bWU6c2VjcmV0"
    assert "secret" not in repr(credentials)


def test_basic_authentication(server: Any, answer: Any) -> None:
    server.answer = lambda request: (
        answer(b"{}")
        if request.headers.get("authorization") == "Basic bWU6c2VjcmV0"
        else answer(status=401, headers={"WWW-Authenticate": 'Basic realm="r"'})
    )
    with RegistryClient(
        find_endpoint(server.host), credentials=Credentials(username="me", password="secret")
    ) as client:
        assert client.manifest("app", "1").data == b"{}"
    with RegistryClient(find_endpoint(server.host)) as client, pytest.raises(BuildError) as caught:
        client.manifest("app", "1")
    assert caught.value.code == "LA0202"


@pytest.mark.parametrize("realm", ["ftp://x/token", "/token"])
def test_odd_realms_are_refused(client: RegistryClient, server: Any, answer: Any, realm: str) -> None:
    server.answer = bearer(server, answer, realm=realm)
    with pytest.raises(BuildError) as caught:
        client.manifest("app", "1")
    assert caught.value.code == "LA0210"


def test_redirects_go_without_our_authorization(server: Any, answer: Any, tmp_path: Path) -> None:
    other = type(server)()
    try:
        other.answer = lambda request: answer(BLOB)
        inner = bearer(server, answer)

        def respond(request: Any) -> Any:
            answered = inner(request)
            if "/blobs/" in request.path and answered.status == 200:
                return answer(status=307, headers={"Location": f"http://{other.host}/storage?signed=1"})
            return answered

        server.answer = respond
        with RegistryClient(find_endpoint(server.host)) as client:
            client.download("app", LAYER, str(tmp_path / "blob"))
        assert (tmp_path / "blob").read_bytes() == BLOB
        assert "authorization" in server.requests[-1].headers
        assert "authorization" not in other.requests[0].headers
    finally:
        other.close()


def test_redirects_in_a_circle_end(client: RegistryClient, server: Any, answer: Any) -> None:
    server.answer = lambda request: answer(status=302, headers={"Location": request.path})
    with pytest.raises(BuildError, match="too many redirects"):
        client.manifest("app", "1")


def test_nobody_at_the_port_is_said_with_host_and_port() -> None:
    with RegistryClient(find_endpoint("localhost:1")) as client, pytest.raises(BuildError) as caught:
        client.manifest("app", "1")
    assert caught.value.code == "LA0204"
    assert "localhost:1" in caught.value.message


def test_no_more_than_four_requests_at_once(client: RegistryClient, server: Any, answer: Any, tmp_path: Path) -> None:
    lock, now, most = threading.Lock(), 0, 0
    gate = threading.Event()

    def respond(request: Any) -> Any:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        gate.wait(0.1)
        with lock:
            now -= 1
        return answer(BLOB)

    server.answer = respond
    threads = [
        threading.Thread(target=client.download, args=("app", LAYER, str(tmp_path / str(number))))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 < most <= 4
