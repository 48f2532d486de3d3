# SPDX-License-Identifier: Apache-2.0
"""Build files that are Python programs: `from ladle.frontends.python import target, image, context, llb`.

The names are the same in the sandbox of a build and in an ordinary script; each is loaded when it is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ladle import llb as llb
    from ladle.frontends.python.ambient import build_platform as build_platform
    from ladle.frontends.python.ambient import context as context
    from ladle.frontends.python.ambient import image as image
    from ladle.frontends.python.ambient import listing as listing
    from ladle.frontends.python.ambient import machine as machine
    from ladle.frontends.python.ambient import read as read
    from ladle.frontends.python.ambient import warn as warn
    from ladle.frontends.python.results import Healthcheck as Healthcheck
    from ladle.frontends.python.results import Image as Image
    from ladle.frontends.python.results import sh as sh
    from ladle.frontends.python.steps import cached as cached
    from ladle.frontends.python.steps import copy as copy
    from ladle.frontends.python.steps import env as env
    from ladle.frontends.python.steps import file as file
    from ladle.frontends.python.steps import mounted as mounted
    from ladle.frontends.python.steps import run as run
    from ladle.frontends.python.steps import user as user
    from ladle.frontends.python.steps import workdir as workdir
    from ladle.frontends.python.targets import Target as Target
    from ladle.frontends.python.targets import target as target
    from ladle.llb.mounts import secret as secret
    from ladle.llb.mounts import secret_env as secret_env
    from ladle.llb.mounts import tmpfs as tmpfs
    from ladle.llb.ops.platform import Platform as Platform
    from ladle.llb.state import State as State

_HOMES = {
    "ladle.frontends.python.ambient": ("build_platform", "context", "image", "listing", "machine", "read", "warn"),
    "ladle.frontends.python.results": ("Healthcheck", "Image", "sh"),
    "ladle.frontends.python.steps": ("cached", "copy", "env", "file", "mounted", "run", "user", "workdir"),
    "ladle.frontends.python.targets": ("Target", "target"),
    "ladle.llb.mounts": ("secret", "secret_env", "tmpfs"),
    "ladle.llb.ops.platform": ("Platform",),
    "ladle.llb.state": ("State",),
}
__all__ = [
    "Healthcheck",
    "Image",
    "Platform",
    "State",
    "Target",
    "build_platform",
    "cached",
    "context",
    "copy",
    "env",
    "file",
    "image",
    "listing",
    "llb",
    "machine",
    "mounted",
    "read",
    "run",
    "secret",
    "secret_env",
    "sh",
    "target",
    "tmpfs",
    "user",
    "warn",
    "workdir",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "llb":
        return import_module("ladle.llb")
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(home), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
