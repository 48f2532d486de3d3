# SPDX-License-Identifier: Apache-2.0
"""The frontend of `# syntax=ladle/dockerfile-labs`: the Dockerfile frontend with the labs language switched on."""

from __future__ import annotations

from typing import ClassVar

from ladle.frontends.dockerfile.frontend import DockerfileFrontend


class DockerfileLabsFrontend(DockerfileFrontend):
    """Compiles Dockerfiles that may INCLUDE and IMPORT others, and have the labs' flags."""

    NAME: ClassVar[str] = "dockerfile-labs"
    LABS: ClassVar[bool] = True

    @classmethod
    def detect(cls, path: str, head: bytes) -> bool:  # noqa: ARG003
        """Say no: a file has to ask for it."""
        return False
