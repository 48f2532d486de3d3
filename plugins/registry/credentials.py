# SPDX-License-Identifier: Apache-2.0
"""Credentials from Docker's `config.json`, as `docker login` leaves them without a credential helper."""

from __future__ import annotations

import binascii
import json
import os
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from ladle.llb.values import dataclass

_HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A name and its password; neither is ever shown."""

    username: str = field(repr=False)
    password: str = field(repr=False)


def find_credentials(host: str, environ: Mapping[str, str] = os.environ) -> Credentials | None:
    """Return the credentials for a registry, None where there are none (anonymous)."""
    home = environ.get("HOME", "")
    folder = environ.get("DOCKER_CONFIG") or (f"{home}/.docker" if home else "")
    if not folder:
        return None
    try:
        with open(f"{folder}/config.json", "rb") as file:
            config = json.load(file)
    except (OSError, ValueError):
        return None
    auths = config.get("auths") if isinstance(config, dict) else None
    if not isinstance(auths, dict):
        return None
    for key in (
        _HUB_KEYS if host == "docker.io" else (host, f"https://{host}", f"https://{host}/v1/", f"https://{host}/v2/")
    ):
        found = _decode(auths.get(key))
        if found is not None:
            return found
    return None


def _decode(entry: Any) -> Credentials | None:
    if not isinstance(entry, dict):
        return None
    username, password = entry.get("username"), entry.get("password")
    if isinstance(username, str) and isinstance(password, str) and username:
        return Credentials(username=username, password=password)
    try:
        text = b64decode(entry.get("auth") or "").decode()
    except (binascii.Error, UnicodeDecodeError, TypeError):
        return None
    username, colon, password = text.partition(":")
    return Credentials(username=username, password=password.rstrip("\0")) if colon and username else None
