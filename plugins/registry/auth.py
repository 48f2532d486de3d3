# SPDX-License-Identifier: Apache-2.0
"""Logging in: from a 401's `WWW-Authenticate` to the `Authorization` that answers it."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ladle.core.oci.gojson import read_json
from ladle.llb.values import dataclass
from ladle.plugins.registry.answers import bounded
from ladle.plugins.registry.errors import bad_challenge, refused_credentials

if TYPE_CHECKING:
    import httpx

    from ladle.plugins.registry.credentials import Credentials
    from ladle.plugins.registry.endpoint import Endpoint

_PARAMETER = re.compile(r'([a-zA-Z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
TOKEN_LIMIT = 1 << 20
"""Bytes of a token server's answer."""
CHALLENGE_LIMIT = 8 << 10
"""Characters of a `WWW-Authenticate` header; a longer one is not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A demand to log in: `scheme` is lower case."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenge(headers: list[str]) -> Challenge | None:
    """Return the demand that can be followed, Bearer before Basic; None if there is none."""
    found: dict[str, Challenge] = {}
    for header in headers:
        if len(header) > CHALLENGE_LIMIT:
            continue
        for scheme, rest in re.findall(r"(?i)\b(bearer|basic)\b\s*((?:(?!\b(?:bearer|basic)\s).)*)", header):
            fields = {
                key.lower(): re.sub(r"\\(.)", r"\1", quoted) or bare for key, quoted, bare in _PARAMETER.findall(rest)
            }
            known = {key: fields[key] for key in ("realm", "service", "scope") if key in fields}
            found.setdefault(scheme.lower(), Challenge(scheme=scheme.lower(), **known))
    return found.get("bearer") or found.get("basic")


def answer_challenge(
    http: httpx.Client, endpoint: Endpoint, challenge: Challenge, credentials: Credentials | None, scope: str
) -> str:
    """Return the value of `Authorization`; raises `BuildError` where the demand cannot be met."""
    if challenge.scheme == "basic":
        if credentials is None:
            raise bad_challenge(endpoint.address, "it wants a name and a password, and none is known")
        return basic(credentials)
    realm = urlsplit(challenge.realm)
    if realm.scheme not in ("http", "https") or not realm.hostname:
        raise bad_challenge(endpoint.address, f"its realm {challenge.realm!r} is not a URL")
    if realm.scheme == "http" and endpoint.secure:
        raise bad_challenge(endpoint.address, "it sends us to a token server over plain HTTP")
    query = {"service": challenge.service, "scope": challenge.scope or scope}
    headers = {"authorization": basic(credentials)} if credentials else {}
    with http.stream("GET", challenge.realm, params={k: v for k, v in query.items() if v}, headers=headers) as response:
        if response.status_code in (401, 403) and credentials:
            raise refused_credentials(endpoint.address)
        if response.status_code != 200:
            raise bad_challenge(endpoint.address, f"the token server {realm.hostname} answered {response.status_code}")
        data = bounded(response, TOKEN_LIMIT, f"the answer of the token server {realm.hostname}")
    return f"Bearer {_token(data, endpoint)}"


def basic(credentials: Credentials) -> str:
    """Return the value of `Authorization` for a name and a password."""
    return "Basic " + b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()


def _token(data: bytes, endpoint: Endpoint) -> str:
    try:
        fields: Any = read_json(data)
    except ValueError:
        fields = None
    token = (fields.get("token") or fields.get("access_token")) if isinstance(fields, dict) else None
    if not isinstance(token, str) or not token.isprintable() or not token.isascii():
        raise bad_challenge(endpoint.address, "the token server gave no token")
    return token
