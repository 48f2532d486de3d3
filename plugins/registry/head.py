# SPDX-License-Identifier: Apache-2.0
"""A tag to its digest by one HEAD over a bare socket: all the network that a cached build needs.

No HTTP library is imported here. Whatever is out of the ordinary (a log-in, a redirect, an error, a proxy) is left to
the full client: `head_digest` then returns "".
"""

from __future__ import annotations

import os
import re
import socket
import time

from ladle.core.oci.media import ACCEPT
from ladle.plugins.registry.errors import unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ladle.plugins.registry.endpoint import Endpoint

HEADER_LIMIT = 64 << 10
"""Bytes of the answer's header."""
_DIGEST = re.compile(rb"\r\ndocker-content-digest:[ \t]*(sha256:[0-9a-f]{64})[ \t]*\r\n", re.IGNORECASE)
_OK = re.compile(rb"HTTP/1\.[01] 200[ \r]")


def head_digest(endpoint: Endpoint, path: str, tag: str, *, timeout: float = 10.0) -> str:
    """Return the digest of a tag, "" if the full client should ask; raises `UnreachableError` if nothing answers."""
    if not endpoint.loopback and _uses_proxy(endpoint):
        return ""
    request = (
        f"HEAD /v2/{path}/manifests/{tag} HTTP/1.1\r\nHost: {endpoint.authority}\r\nAccept: {ACCEPT}\r\n"
        "User-Agent: ladle\r\nConnection: close\r\n\r\n"
    )
    try:
        with socket.create_connection((endpoint.host, endpoint.port), timeout=timeout) as plain:
            if not endpoint.secure:
                answer = _exchange(plain, request.encode(), timeout)
            else:
                import ssl

                with ssl.create_default_context().wrap_socket(plain, server_hostname=endpoint.host) as secured:
                    answer = _exchange(secured, request.encode(), timeout)
    except OSError as error:
        raise unreachable(endpoint.address, error.strerror or str(error)) from None
    match = _DIGEST.search(answer) if _OK.match(answer) else None
    return match[1].decode() if match else ""


def _exchange(connection: socket.socket, request: bytes, timeout: float) -> bytes:
    ends = time.monotonic() + timeout
    connection.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer and len(answer) < HEADER_LIMIT:
        if time.monotonic() > ends:
            raise TimeoutError("timed out")
        part = connection.recv(16384)
        if not part:
            break
        answer += part
    return answer


def _uses_proxy(endpoint: Endpoint) -> bool:
    names = ("https_proxy", "HTTPS_PROXY") if endpoint.secure else ("http_proxy", "HTTP_PROXY")
    return any(os.environ.get(name) for name in (*names, "all_proxy", "ALL_PROXY"))
