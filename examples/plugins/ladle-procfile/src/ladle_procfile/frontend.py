# SPDX-License-Identifier: Apache-2.0
"""The frontend: `Procfile` and requirements to a graph whose layers change as seldom as they can.

    base -> packages of Debian (Aptfile) -> requirements -> source -> the project itself, if it is a package
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ladle import llb
from ladle.core.api.diagnostics import DiagnosticError, SourceText, Span
from ladle.core.api.frontend import BuildResult, CallResult, ImageResult
from ladle.core.api.patterns import parse_ignore
from ladle.llb.mounts import bind, cache
from ladle.llb.ops.mount import CacheSharing
from ladle_procfile import errors
from ladle_procfile.project import Project, lines, read_project

if TYPE_CHECKING:
    from ladle.core.api.frontend import Context, HostBase, ResolvedImage
    from ladle.llb.ops import Platform
    from ladle.llb.state import State

APP = "/app"
VENV = "/opt/venv"
PORT = "8080"
_ARGUMENTS = ("base", "port")
_USER = "1000:1000"
_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(\S.*)")
_IGNORED = (".git", ".venv", "venv", "**/__pycache__", "**/*.pyc", ".pytest_cache", ".mypy_cache", "Procfile")
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Process:
    """A line of the Procfile."""

    name: str
    command: str
    span: Span


class ProcfileFrontend:
    """Builds Python projects that have a Procfile."""

    NAME: ClassVar[str] = "procfile"
    VERSION: ClassVar[str] = "1"

    @classmethod
    def detect(cls, path: str, head: bytes) -> bool:  # noqa: ARG003 — the name says it
        """Say whether a build file is a Procfile."""
        return path.rpartition("/")[2] == "Procfile"

    def compile(self, context: Context) -> BuildResult:
        """Return an image of the project for each platform; `--target` names its process."""
        source, processes = _processes(context)
        arguments = _arguments(context, source)
        wanted = context.options.target or ("web" if "web" in processes or len(processes) > 1 else next(iter(processes)))
        if wanted not in processes:
            raise errors.no_target(wanted, sorted(processes), source)
        project = read_project(context, source)
        build = _Build(context, source, project, processes[wanted], arguments)
        epoch = context.options.build_args.get("SOURCE_DATE_EPOCH", "")
        return BuildResult(
            images=tuple(build.image(platform) for platform in context.options.platforms),
            epoch=int(epoch) if epoch.isdigit() else None,
        )

    def targets(self, context: Context) -> CallResult:
        """Return the processes, each of which can be a target."""
        _, processes = _processes(context)
        rows = [{"name": each.name, "description": each.command} for each in processes.values()]
        return CallResult(data={"targets": rows}, text="".join(f"{row['name']}  {row['description']}\n" for row in rows))


def _processes(context: Context) -> tuple[SourceText, dict[str, Process]]:
    name, data = context.build_file()
    source = SourceText(name, data.decode(errors="replace"))
    found: dict[str, Process] = {}
    wrong = []
    for span, _ in lines(source):
        line = source.text[span.start :].split("\n", 1)[0].rstrip()  # a # within a command is the shell's
        match = _LINE.fullmatch(line)
        if match is None:
            wrong.append(errors.not_a_process(span))
        elif match[1] in found:
            wrong.append(errors.twice(match[1], span, found[match[1]].span))
        else:
            found[match[1]] = Process(match[1], match[2], span)
    if not wrong and not found:
        wrong.append(errors.no_process(source))
    if wrong:
        raise DiagnosticError(wrong)
    return source, found


def _arguments(context: Context, source: SourceText) -> dict[str, str]:
    found = {}
    for word in context.options.arguments:
        name, equals, value = word.partition("=")
        if name not in _ARGUMENTS or not equals or not value or (name == "port" and not value.isdigit()):
            raise errors.bad_argument(word, _ARGUMENTS, source)
        found[name] = value
    return found


class _Build:
    """One compile: the same steps for each platform."""

    def __init__(
        self,
        context: Context,
        source: SourceText,
        project: Project,
        process: Process,
        arguments: Mapping[str, str],
    ) -> None:
        self.context = context
        self.source = source
        self.project = project
        self.process = process
        self.base = arguments.get("base", f"python:{project.python}-slim")
        self.port = arguments.get("port", PORT)
        fresh = context.options.no_cache == ()
        self.options: dict[str, Any] = {"ignore_cache": True} if fresh else {}

    def image(self, platform: Platform) -> ImageResult:
        """Return the project's image for a platform."""
        state, base = self._base(platform)
        history = list(base.get("history") or [])
        given = base.get("config") or {}
        environment = [*(given.get("Env") or [_PATH])]
        state = state.platform(platform)
        for text in environment:
            name, _, value = text.partition("=")
            state = state.add_env(name, value)
        state = self._files(self._early(self._system(state)))
        if self.project.needs:
            path = f"{VENV}/bin:{state.get_env('PATH')}"
            environment = [*(text for text in environment if not text.startswith("PATH=")), f"PATH={path}"]
        config = {
            **{name: value for name, value in base.items() if name.startswith(("architecture", "os", "variant"))},
            "architecture": platform.architecture,
            "os": platform.os,
            "config": self._config(given, environment),
            "history": history,
        }
        return ImageResult(platform=platform, state=state, config=config, base_history=len(history))

    def _config(self, given: Mapping[str, Any], environment: Sequence[str]) -> dict[str, Any]:
        own = ["PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1"]
        web = self.process.name == "web"
        own += [f"PORT={self.port}"] if web else []
        names = {text.partition("=")[0] for text in own}
        config = {name: value for name, value in given.items() if name not in ("Cmd", "Entrypoint", "OnBuild")}
        config |= {
            "Env": [*(text for text in environment if text.partition("=")[0] not in names), *own],
            "Entrypoint": ["/bin/sh", "-c", f"exec {self.process.command}"],
            "WorkingDir": APP,
            "User": _USER,
        }
        if web:
            config["ExposedPorts"] = {**(given.get("ExposedPorts") or {}), f"{self.port}/tcp": {}}
        labels = {**(given.get("Labels") or {}), **self.context.options.labels}
        return config | ({"Labels": labels} if labels else {})

    def _base(self, platform: Platform) -> tuple[State, Mapping[str, Any]]:
        """Return the base, which may be the machine, an image or a named context, with its image config."""
        if self.base.startswith("host://"):
            return self._machine(self.context.resolve_host())
        scheme, separator, name = self.base.rpartition("://")
        if not separator:
            named = self.context.named_context(name, platform=platform)
            if named is not None and named.host is not None:
                return self._machine(named.host)
            if named is not None and named.image is not None:
                return self._pulled(named.image, platform)
            if named is not None and named.kind == "local":
                return llb.local(named.local, name=f"FROM {self.base}"), {}
        found = self.context.resolve_image(name, platform=platform, scheme=scheme or "docker-image")
        return self._pulled(found, platform)

    def _machine(self, host: HostBase) -> tuple[State, Mapping[str, Any]]:
        return llb.host(host.dirs, name="FROM host://"), {"config": {"Env": list(host.env)}}

    def _pulled(self, image: ResolvedImage, platform: Platform) -> tuple[State, Mapping[str, Any]]:
        config: Mapping[str, Any] = json.loads(image.config)
        identifier = f"{image.scheme}://{image.pinned}"
        return llb.source(identifier, dict(image.attrs), platform=platform, name=f"FROM {image.pinned}"), config

    def _system(self, state: State) -> State:
        """Install packages of Debian; lists and downloads stay in caches that no layer has."""
        if not self.project.system:
            return state
        script = (
            "rm -f /etc/apt/apt.conf.d/docker-clean && apt-get update && "
            f"apt-get install -y --no-install-recommends {' '.join(self.project.system)}"
        )
        caches = [
            cache(path, id=f"procfile:{path}", sharing=CacheSharing.LOCKED)
            for path in ("/var/cache/apt", "/var/lib/apt/lists")
        ]
        variables = {"DEBIAN_FRONTEND": "noninteractive"}
        shown = f"install {' '.join(self.project.system)}"
        return state.run(["/bin/sh", "-c", script], mounts=caches, env=variables, name=shown, **self.options).root

    def _early(self, state: State) -> State:
        """Install the requirements, of which only the files that list them are there."""
        project = self.project
        if not project.needs or not project.early:
            return state
        if project.files:
            files = llb.local("context", include_patterns=project.files, name="[internal] load requirements")
            return self._install(state, f"-r /run/requirements/{project.files[0]}", files)
        if not project.generated:
            return state
        files = llb.scratch().mkfile("/requirements.txt", project.generated, name="[internal] read pyproject.toml")
        return self._install(state, "-r /run/requirements/requirements.txt", files)

    def _files(self, state: State) -> State:
        """Copy the source, and install what could not be installed without it."""
        project = self.project
        ignored = self.context.ignore_file()
        rules = parse_ignore(ignored[1].decode(errors="replace")) if ignored else ()
        excluded = [*_IGNORED, *(str(rule) for rule in rules)]
        tree = llb.local("context", exclude_patterns=excluded, name="[internal] load source")
        step: Any = {"name": f"copy the source to {APP}", **self.options}
        state = state.copy(tree, "/", APP, dir_copy_contents=True, create_dest_path=True, op=step)
        if project.needs and not project.early:
            state = self._install(state.dir(APP), f"-r {project.files[0]}" if project.files else ".", None)
        elif project.package:
            state = self._install(state.dir(APP), "--no-deps .", None)
        return state

    def _install(self, state: State, what: str, files: State | None) -> State:
        mounts = [cache("/root/.cache/pip", id="procfile:pip")]
        mounts += [bind(files, "/run/requirements")] if files is not None else []
        script = f"[ -d {VENV} ] || python3 -m venv {VENV} && {VENV}/bin/pip install --disable-pip-version-check {what}"
        shown = f"pip install {what.replace('/run/requirements/', '')}"
        variables = {"HOME": "/root"}
        return state.run(["/bin/sh", "-ec", script], mounts=mounts, env=variables, name=shown, **self.options).root
