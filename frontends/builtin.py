# SPDX-License-Identifier: Apache-2.0
"""The frontends that come with ladle: name -> `module:class`, imported when one is wanted."""

from __future__ import annotations

BUILTIN: dict[str, str] = {
    "dockerfile": "ladle.frontends.dockerfile.frontend:DockerfileFrontend",
}
