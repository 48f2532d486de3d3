# SPDX-License-Identifier: Apache-2.0
"""From a build file to images: the target is called for each platform, what it returns becomes a tree and a config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError
from ladle.core.api.frontend import BuildResult, ImageResult
from ladle.frontends.dockerfile.imageconfig import ImageConfig, rfc3339
from ladle.frontends.python import errors
from ladle.frontends.python.graphs import mark_used, name_steps, shown, steps_below
from ladle.frontends.python.program import chosen_target, running
from ladle.frontends.python.results import Image
from ladle.frontends.suggest import nearest
from ladle.llb.state import ExecState, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ladle.core.api.frontend import Context
    from ladle.frontends.python.targets import Target
    from ladle.frontends.python.work import Work
    from ladle.llb.ops.platform import Platform

EPOCH = "SOURCE_DATE_EPOCH"
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
_COMMENT = "ladle.python"


def compile_program(context: Context) -> BuildResult:
    """Return what the wanted target makes, for each platform; raises `DiagnosticError`."""
    with running(context) as work:
        target = chosen_target(work, context.options.target)
        _check_arguments(work, target)
        epoch = _epoch(work, target)
        images = []
        for platform in context.options.platforms:
            work.platform = platform
            images.append(finished(work, _image(work, target, target()), platform, epoch))
        settle(work, [image.state for image in images])
        return BuildResult(images=tuple(images), epoch=epoch)


def settle(work: Work, states: Sequence[State]) -> None:
    """Say what only whole graphs tell: which files of the context are copied, and how steps are called."""
    results = [state.output for state in states]
    mark_used(work.bases.locals.values(), results)
    name_steps(results, work.maker)


def finished(work: Work, image: Image, platform: Platform, epoch: int | None) -> ImageResult:
    """Return what a target returned with its config whole: the base's, what the steps set, what was given."""
    steps, below = steps_below(image.state.output)
    base = None if below is None else work.bases.config_of(below.node)
    config = ImageConfig.empty(platform) if base is None else base.copy()
    config.config.pop("OnBuild", None)
    config.set_platform(platform)
    state = image.state
    variables = dict(text.partition("=")[::2] for text in state.settings.environment.texts) | image.env
    for name, value in variables.items():
        config.set_env(name, value)
    if "Entrypoint" in image.given:
        config.config.pop("Cmd", None)
    if state.get_dir() != (config.text("WorkingDir") or "/"):
        config.config["WorkingDir"] = state.get_dir()
    config.config |= {"User": state.get_user()} | image.given
    labels = dict(config.config.get("Labels") or {}) | image.labels | dict(work.context.options.labels)
    config.config |= {"Labels": labels}
    for step in steps if base is not None or below is None else ():
        config.record(shown(step), epoch, layer=True)
    for entry in config.history[config.base_history :]:
        entry["comment"] = _COMMENT
    out = config.to_dict()
    if epoch is not None:
        out["created"] = rfc3339(epoch)
    return ImageResult(platform=platform, state=state, config=out, base_history=config.base_history)


def _image(work: Work, target: Target[..., Any], made: object) -> Image:
    if isinstance(made, Image):
        return made
    if isinstance(made, (State, ExecState)):
        return Image(made)
    what = "nothing" if made is None else f"a value of the type {type(made).__name__}"
    raise DiagnosticError([errors.bad_result(what, work.target_span(target))])


def _check_arguments(work: Work, target: Target[..., Any]) -> None:
    """Refuse build arguments that no target takes: they are misspelt, or for another build."""
    known = {each.name for one in work.targets.values() for each in work.parameters(one)}
    unknown = [name for name in work.context.options.build_args if name not in known and not _is_predefined(name)]
    found: list[Diagnostic] = []
    for name in unknown:
        span = work.target_span(target)
        found.append(errors.unknown_argument(name, sorted(known), nearest(name, sorted(known)), span))
    if found:
        raise DiagnosticError(found)


def _is_predefined(name: str) -> bool:
    return name == EPOCH or name.startswith("BUILDKIT_") or name.lower() in _PROXIES


def _epoch(work: Work, target: Target[..., Any]) -> int | None:
    text = work.context.options.build_args.get(EPOCH, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise DiagnosticError([errors.bad_epoch(text, work.target_span(target))])
    return int(text)
