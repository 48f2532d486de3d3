# SPDX-License-Identifier: Apache-2.0
"""Frontends that are images: in a registry, an OCI layout, or what a named context stands for.

An image says by its label that it speaks the protocol: its layers are the sandbox's root, its entrypoint the program.
One of a single layer with a `frontend.py` in it, and without that label, is run by ladle's own Python.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError
from ladle.core.api.frontend_wire import PROTOCOL
from ladle.core.build.foreign import errors
from ladle.core.build.foreign.program import Program
from ladle.core.oci.layout import split_layout_name

if TYPE_CHECKING:
    from ladle.core.api.frontend import ResolvedImage
    from ladle.core.build.context import RecordingContext
    from ladle.core.build.subsolve import Subsolver

LABEL = "dev.ladle.frontend"
"""The label of an image that speaks the protocol; its value is the protocol's version."""
FILE = "frontend.py"
_LAYOUT = "oci-layout://"
_IMAGE = "docker-image://"
_OWN = "ladle/"


def resolve(
    wanted: str, context: RecordingContext, directories: tuple[str, ...]
) -> tuple[ResolvedImage | None, list[str]]:
    """Return the image of a reference, or None, with what was tried. What was found is recorded as read.

    A bare word is no image, nor is a name that only ladle's own frontends have: a slip of the pen fetches nothing.
    """
    platform = context.options.build_platform or context.options.platforms[0]
    if wanted.startswith(_LAYOUT):
        return _from_layout(wanted, context, directories)
    name = wanted.removeprefix(_IMAGE)
    if name.startswith(_OWN) or not any(sign in name for sign in "/:@"):
        return None, []
    try:
        return context.resolve_image(name, platform=platform), []
    except BuildError as error:
        return None, [f"the image {name}: {error.message}"]


def _from_layout(
    wanted: str, context: RecordingContext, directories: tuple[str, ...]
) -> tuple[ResolvedImage | None, list[str]]:
    platform = context.options.build_platform or context.options.platforms[0]
    name = wanted.removeprefix(_LAYOUT)
    tried = []
    for directory in directories:
        place = os.path.normpath(os.path.join(directory, split_layout_name(name)[0]))
        try:
            path = os.path.join(directory, name)
            return context.resolve_image(path, platform=platform, scheme="oci-layout"), []
        except BuildError as error:
            tried.append(f"the OCI layout {os.path.relpath(place)}: {error.message}")
    return None, tried


def image_program(name: str, image: ResolvedImage, subsolver: Subsolver, runner: str) -> Program:
    """Return the program of an image, with its layers in the store; raises `BuildError` for one that is no frontend."""
    config = _config(image)
    labels = config.get("Labels") or {}
    spoken = str(labels.get(LABEL, ""))
    if spoken and spoken != str(PROTOCOL):
        raise errors.other_protocol(name, spoken)
    if not spoken and _layer_count(image) != 1:
        raise errors.no_frontend(name, gateway=_is_gateway(labels, config))
    tree = _tree(image, subsolver)
    if not spoken:
        source = subsolver.read(tree, FILE)
        if source is None:
            raise errors.no_frontend(name, gateway=_is_gateway(labels, config))
        return Program(name=name, source=source, tree=tree, runner=runner, elsewhere=True)
    argv = tuple(str(word) for word in [*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])])
    if not argv:
        raise errors.no_command(name)
    pairs = [str(text).partition("=") for text in config.get("Env") or []]
    env = tuple((key, value) for key, _, value in pairs if key)
    return Program(name=name, argv=argv, env=env, root=tuple(tree["layers"]), tree=tree, elsewhere=True)


def _tree(image: ResolvedImage, subsolver: Subsolver) -> Any:
    from ladle import llb

    attrs = dict(image.attrs) | {"image.recordtype": "frontend"} if image.scheme == "docker-image" else image.attrs
    state = llb.source(f"{image.scheme}://{image.pinned}", dict(attrs), platform=image.platform)
    return subsolver.solve(state.marshal())[1]


def _config(image: ResolvedImage) -> dict[str, Any]:
    config = json.loads(image.config).get("config")
    return config if isinstance(config, dict) else {}


def _layer_count(image: ResolvedImage) -> int:
    return len(json.loads(image.config).get("rootfs", {}).get("diff_ids") or [])


def _is_gateway(labels: Any, config: dict[str, Any]) -> bool:
    """Say whether an image looks like a frontend of BuildKit's: it has a label of theirs, or only a program."""
    return any(str(label).startswith("moby.buildkit.frontend") for label in labels) or bool(config.get("Entrypoint"))
