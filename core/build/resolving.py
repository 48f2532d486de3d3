# SPDX-License-Identifier: Apache-2.0
"""What a recorded read would give now, for the kinds that are no files: tags, repositories, dates, solved graphs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from ladle.core.api.errors import BuildError

if TYPE_CHECKING:
    from ladle.core.build.reads import Read
    from ladle.core.build.request import BuildRequest
    from ladle.core.build.runners.environment import Environment
    from ladle.core.build.session import LocalSession


def resolver(environment: Environment, request: BuildRequest, session: LocalSession) -> Callable[[Read], str]:
    """Return the function that says what a recorded read would give now, "" where it cannot be read any more."""

    def resolve(read: Read) -> str:
        try:
            return _KINDS.get(read[0], _host)(read, environment, request, session)
        except BuildError:
            return ""

    return resolve


def _tag(read: Read, environment: Environment, *_: object) -> str:
    from ladle.core.api.platforms import parse_platform

    source = environment.source("docker-image")
    return str(source.resolve(read[1], platform=parse_platform(read[2]), scheme="docker-image").digest)


def _image(read: Read, environment: Environment, *_: object) -> str:
    from ladle.core.api.platforms import parse_platform

    scheme, name, platform = read[1:4]
    return str(environment.source(scheme).resolve(name, platform=parse_platform(platform), scheme=scheme).digest)


def _git(read: Read, environment: Environment, *_: object) -> str:
    from ladle.core.build.otherfiles import repository_pin

    return str(repository_pin(environment.source, read[1]).key)


def _date(read: Read, environment: Environment, *_: object) -> str:
    from ladle.core.build.context import source_date
    from ladle.llb.ops import SourceOp

    identifier, attrs = json.loads(read[1])
    date = source_date(environment.source, SourceOp(identifier=identifier, attrs=tuple(map(tuple, attrs))))
    return "" if date is None else str(date)


def _solved(read: Read, environment: Environment, request: BuildRequest, session: LocalSession) -> str:
    """Look a graph up, with the directories and layouts that the user named for this build."""
    from ladle.core.build.composing import solved_now
    from ladle.core.build.context import layout_name
    from ladle.core.oci.layout import split_layout_name

    if environment.subsolver is None:
        return ""
    for spec in request.contexts:
        if spec.kind == "local":
            session.add_local(spec.name, spec.value)
        elif spec.kind == "oci-layout":
            session.add_layout(layout_name(spec.name), os.path.abspath(split_layout_name(spec.value)[0]))
    return solved_now(read[1], environment.services.facts, environment.subsolver)


def _host(_read: Read, environment: Environment, *_: object) -> str:
    return str(environment.source("host").identity())


_KINDS: dict[str, Callable[[Read, Environment, BuildRequest, LocalSession], str]] = {
    "tag": _tag,
    "image": _image,
    "git": _git,
    "date": _date,
    "solved": _solved,
}
