# SPDX-License-Identifier: Apache-2.0
"""The frontends that come with ladle: name -> `module:class`, imported when one is wanted."""

from __future__ import annotations

BUILTIN: dict[str, str] = {
    "dockerfile": "ladle.frontends.dockerfile.frontend:DockerfileFrontend",
    "dockerfile-labs": "ladle.frontends.dockerfile.labs.frontend:DockerfileLabsFrontend",
    "yaml": "ladle.frontends.yaml.frontend:YamlFrontend",
    "python": "ladle.frontends.python.frontend:PythonFrontend",
}

RUNNERS: dict[str, str] = {"python": "ladle.frontends.process.serve:main"}
"""What serves a frontend inside its sandbox, by the language that it is written in."""
