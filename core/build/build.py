# SPDX-License-Identifier: Apache-2.0
"""The life of one build (DESIGN section 2): request, compile, solve, export, remember."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError, UsageError
from ladle.core.api.exporter import Solved, SolvedImage
from ladle.core.api.refs import SCRATCH, Ref
from ladle.core.api.services import Services
from ladle.core.build import memo
from ladle.core.build.agents.specs import open_agent
from ladle.core.build.compiled import Compiled, CompiledImage, ask_frontend, compile_build_file
from ladle.core.build.composing import Composer
from ladle.core.build.context import RecordingContext
from ladle.core.build.failure import step_error
from ladle.core.build.graph import Graph
from ladle.core.build.outcome import Outcome, write_whole
from ladle.core.build.reads import installed_read
from ladle.core.build.remote import fetch_context, is_remote
from ladle.core.build.resolving import resolver
from ladle.core.build.runners.environment import Environment, StandingFacts, standing
from ladle.core.build.secrets import read_secret
from ladle.core.build.session import LocalSession
from ladle.core.build.subsolve import Subsolver
from ladle.core.build.worker_thread import EngineThread

if TYPE_CHECKING:
    from ladle.core.api.exporter import ExportReport
    from ladle.core.build.foreign.frontend import ForeignFrontends
    from ladle.core.build.request import BuildRequest
    from ladle.core.hooks import Observers
    from ladle.core.progress.reporter import BuildReporter
    from ladle.core.registry import Registry
    from ladle.core.store.store import Store
    from ladle.llb.definition import Definition


class Build:
    """One build in this process. `run` reads top to bottom; everything it needs is handed in."""

    def __init__(
        self,
        request: BuildRequest,
        *,
        registry: Registry,
        store: Store,
        reporter: BuildReporter,
        memo_key: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.request = request
        self.registry = registry
        self.store = store
        self.reporter = reporter
        self.memo_key = memo_key
        self._clock = clock
        self.session = LocalSession()
        self._stack = ExitStack()

    def run(self) -> Outcome:
        """Build; returns what was written. Raises `BuildError` (`DiagnosticError`, `StepError`) for what goes wrong."""
        with self._stack:
            self._add_secrets()
            exporters = self._exporters()
            environment = self._environment()
            for exporter in exporters:
                if hasattr(exporter, "prepare"):
                    exporter.prepare(environment.services)
            compiled = self.compile(environment)
            graph = self._graph(compiled, environment)
            observers = self._observers(graph)
            records = self._solve(graph, compiled, environment)
            solved = self._solved(compiled, records, environment)
            reports = [self._export(exporter, environment, solved, observers) for exporter in exporters]
            self._remember(compiled, graph, records, environment, reports)
            self._collect()
            return _outcome(reports, solved, details=bool(self.request.values.get("metadata_file")))

    def compile(self, environment: Environment | None = None) -> Compiled:
        """Return the build file as a graph, or the graph that was given."""
        request = self.request
        environment = environment or self._environment()
        if request.llb:
            self._add_contexts(environment)
            return _given_graph(request.llb)
        request, context = self._frontend_context(environment)
        compiled = compile_build_file(
            request,
            context,
            registry=self.registry,
            facts=self.store.facts,
            resolve=resolver(environment, request, self.session),
            foreign=self._foreign,
        )
        for name, directory in compiled.locals.items():
            self.session.add_local(name, directory)
        for name, directory in compiled.layouts.items():
            self.session.add_layout(name, directory)
        for warning in compiled.warnings:
            self.reporter.warning(warning)
        return compiled

    def ask(self, call: str) -> Any:
        """Return what the frontend answers to a call (`lint`, `outline`, …) about the build file; nothing is built."""
        with self._stack:
            request, context = self._frontend_context(self._environment())
            return ask_frontend(request, context, registry=self.registry, call=call, foreign=self._foreign)

    def _foreign(self) -> ForeignFrontends:
        from ladle.core.build.foreign.frontend import ForeignFrontends

        log = self.reporter.log
        return ForeignFrontends(self._engine, self.registry, self._subsolver, lambda data: log("frontend", 2, data))

    def _frontend_context(self, environment: Environment) -> tuple[BuildRequest, RecordingContext]:
        request = self._with_context(self.request, environment)
        self.session.add_local("context", request.context)
        context = RecordingContext(
            request, self.session, environment.source, lambda: environment.source("host").identity()
        )
        context.composer = Composer(self.registry, self._foreign, self._subsolver, environment.services.facts)
        return request, context

    def _with_context(self, request: BuildRequest, environment: Environment) -> BuildRequest:
        """Return the request with its context as a directory: fetched and kept in the store if it is none."""
        if not is_remote(request.context):
            return request
        directory, date = fetch_context(request.context, environment)
        build_file = request.build_file
        if build_file != "-":
            build_file = os.path.join(directory, os.path.normpath("/" + build_file).lstrip("/"))
        return replace(request, context=directory, build_file=build_file, fetched=True, context_date=date)

    def _add_contexts(self, environment: Environment) -> None:
        """Let a given graph reach what it names: PATH as `context`, others by the names of `--build-context`."""
        from ladle.core.oci.layout import split_layout_name

        if self.request.context:
            self.session.add_local("context", self._with_context(self.request, environment).context)
        for spec in self.request.contexts:
            if spec.kind == "local":
                self.session.add_local(spec.name, spec.value)
            elif spec.kind == "oci-layout":
                self.session.add_layout(spec.name, os.path.abspath(split_layout_name(spec.value)[0]))
            elif spec.kind in ("git", "http"):
                self.session.add_local(spec.name, fetch_context(spec.value, environment).directory)

    def _add_secrets(self) -> None:
        for spec in self.request.secrets:
            data = read_secret(spec, os.environ)
            if data is not None:
                self.session.add_secret(spec.id, data)
        for agent in self.request.agents:
            self.session.add_agent(agent.id, open_agent(agent, os.environ))

    def _exporters(self) -> list[Any]:
        outputs = self.request.outputs or (("cacheonly", {}),)
        if sum(attributes.get("dest") == "-" for _, attributes in outputs) > 1:
            raise UsageError("several outputs go to stdout", code="LA0119", help="give all but one of them a dest=PATH")
        return [self.registry.load("exporter", kind).parse(attributes) for kind, attributes in outputs]

    def _environment(self) -> Environment:
        request = self.request
        snapshotter = os.environ.get("LADLE_SNAPSHOTTER") or "overlay"
        self._engine = EngineThread(
            self.store,
            self.registry,
            executors=self._executors(),
            snapshotter=snapshotter,
            path=self._worker_path(snapshotter),
        )
        self._stack.callback(self._engine.close)
        grants = set(request.allow)
        if request.options.network == "host":
            grants.add("network.host")
        services = Services(
            root=self.store.root,
            blobs=self.store.blobs,
            snapshots=self.store.snapshots,
            facts=StandingFacts(self.store.facts, here) if (here := standing()) else self.store.facts,
            session=self.session,
            worker=self._engine.worker,
            reporter=self.reporter,
            single_flight=self.store.single_flight,
            hold=self.store.pins.hold,
            offline=request.offline,
            pull=request.pull,
            allow_host=not is_remote(request.context) or "host" in request.allow,
            grants=frozenset(grants),
        )
        environment = Environment(
            services,
            self.registry,
            executors=self._executors(),
            grants=frozenset(grants),
            forced_network=request.options.network if request.llb else "",
            build_args=request.options.build_args,
        )
        environment.subsolver = self._subsolver = Subsolver(
            environment, self._engine, store=self.store, reporter=self.reporter, request=request, clock=self._clock
        )
        return environment

    def _worker_path(self, snapshotter: str) -> list[str]:
        """Return where the worker finds strangers' plugins: it looks nowhere but where Python itself is installed."""
        chosen = [("snapshotter", snapshotter)]
        if self.request.executor not in ("auto", "crun", "runc"):
            chosen.append(("executor", self.request.executor))
        return [place for kind, name in chosen if (place := self.registry.place(kind, name))]

    def _executors(self) -> list[tuple[str, str]]:
        wanted = self.request.executor
        if wanted == "auto":
            return [(name, self.registry.target("executor", name)) for name in self.registry.builtin("executor")]
        if wanted in ("crun", "runc"):
            return [(wanted, self.registry.target("executor", "oci"))]
        return [(wanted, self.registry.target("executor", wanted))]

    def _graph(self, compiled: Compiled, environment: Environment) -> Graph:
        graph = Graph(compiled.definition, environment, no_cache=self.request.no_cache, now=self._clock())
        self.reporter.name((vertex.digest, vertex.name) for vertex in graph.vertices.values())
        return graph

    def _solve(self, graph: Graph, compiled: Compiled, environment: Environment) -> Mapping[Any, Any]:
        """Return the records of the graph's ends: from the cache alone if they are all there, else by running steps."""
        from ladle.core.solver.loop import solve_cached

        edges = [compiled.definition.result(image.result) for image in compiled.images]
        ends = {(edge.vertex.digest, edge.index) for edge in edges if edge is not None}
        targets = sorted(ends.union(graph.aging()))
        cache = self.store.records(environment.usable)
        try:
            records = solve_cached(graph.vertices, targets, graph.runner, cache, self.reporter)
            if records is None:
                records = self._engine.solve(graph, targets, cache, self.reporter, self.store, self.request.jobs)
        except BuildError as error:
            raise step_error(error, graph, self.reporter, self.request) from error
        return records

    def _observers(self, graph: Graph) -> Observers | None:
        """Return what tells hooks of this build, None where nobody wants to know."""
        observers = self.registry.observers(lambda error: self.reporter.warning(error.message, help=error.help))
        if observers is not None:
            observers.tell(
                "ladle_solve_started", vertices={vertex.digest: vertex.name for vertex in graph.vertices.values()}
            )
            self.reporter.observe(observers.event)
        return observers

    def _export(
        self, exporter: Any, environment: Environment, solved: Solved, observers: Observers | None
    ) -> ExportReport:
        report: ExportReport = self._engine.call(exporter.export(environment.services, solved))
        if observers is not None:
            said = {"summary": report.summary, "metadata": dict(report.metadata)}
            observers.tell("ladle_export_finished", exporter=exporter.NAME, **said)
        return report

    def _collect(self) -> None:
        """Keep the store within its policies; what this build has used may go as well."""
        if not self._engine.worker.started:
            return
        self.store.pins.end()
        try:
            self._engine.call(self._engine.worker.collect())
        except BuildError as error:
            self.reporter.warning(f"the cache could not be collected: {error.message}", help=error.help)

    def _solved(self, compiled: Compiled, records: Mapping[Any, Any], environment: Environment) -> Solved:
        images = []
        for image in compiled.images:
            edge = compiled.definition.result(image.result)
            record = None if edge is None else records[(edge.vertex.digest, edge.index)]
            images.append(_solved_image(image, SCRATCH if record is None else environment.ref(record.result)))
        key = sha256(repr([(image.ref, image.config) for image in images]).encode()).hexdigest()
        created = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        asked = self.request.options.build_args.get("BUILDKIT_MULTI_PLATFORM", "").lower()
        return Solved(
            images=tuple(images),
            multi_platform=asked in ("1", "t", "true"),
            tags=self.request.tags,
            epoch=compiled.epoch,
            created=created,
            key=key,
        )

    def _remember(
        self,
        compiled: Compiled,
        graph: Graph,
        records: Mapping[Any, Any],
        environment: Environment,
        reports: list[ExportReport],
    ) -> None:
        self.store.mark_synced()
        if is_remote(self.request.context):
            return
        if not self.memo_key or not compiled.replayable or self.request.no_cache or not graph.is_fixed():
            return
        if all(report.replayable for report in reports):
            memo.remember(
                self.store,
                self.memo_key,
                compiled=compiled,
                further=(installed_read(),) if self.registry.asked_strangers() else (),
                roots=graph.local_roots(environment),
                steps=[vertex.name for vertex in graph.vertices.values()],
                records=records.values(),
                until=graph.until(records),
                reports=reports,
            )


def _solved_image(image: CompiledImage, ref: Ref) -> SolvedImage:
    return SolvedImage(platform=image.platform, ref=ref, config=image.config, base_history=image.base_history)


def read_graph(path: str) -> Definition:
    """Return the graph of a file (`-`: stdin); raises `BuildError` naming what is wrong with it."""
    import sys

    from ladle.llb.errors import LLBError
    from ladle.llb.forms import read_definition
    from ladle.llb.limits import MAX_DEFINITION_BYTES

    try:
        if path == "-":
            data = sys.stdin.buffer.read(MAX_DEFINITION_BYTES + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(MAX_DEFINITION_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read the graph {path!r}: {error.strerror}", code="LA0150") from error
    try:
        return read_definition(data)
    except LLBError as error:
        shown = "on stdin" if path == "-" else repr(path)
        raise BuildError(
            f"the graph {shown} is not valid: {error}", code="LA0151", help="make it again with ladle compile"
        ) from error


def _given_graph(path: str) -> Compiled:
    """Return a graph from a file as if it had been compiled."""
    from ladle.core.api.platforms import local_platform, parse_platform

    definition = read_graph(path)
    images = []
    for name, edge in definition.results:
        stated = edge.vertex.platform if edge is not None else None
        platform = parse_platform(name) if name else stated or local_platform()
        images.append(CompiledImage(platform=platform, result=name, config=_plain_config(platform)))
    return Compiled(definition=definition, images=tuple(images), replayable=False)


def _plain_config(platform: Any) -> dict[str, Any]:
    config: dict[str, Any] = {"architecture": platform.architecture, "config": {}, "history": [], "os": platform.os}
    if platform.os_features:
        config["os.features"] = list(platform.os_features)
    if platform.os_version:
        config["os.version"] = platform.os_version
    if platform.variant:
        config["variant"] = platform.variant
    return config


def _outcome(reports: list[ExportReport], solved: Solved, *, details: bool) -> Outcome:
    metadata: dict[str, Any] = {}
    for report in reports:
        metadata.update(report.metadata)
        for key, value in (report.details() if details and report.details is not None else {}).items():
            metadata[key] = metadata.get(key, []) + value if isinstance(value, list) else value
    if solved.tags:
        metadata["image.name"] = ",".join(solved.tags)
    return Outcome(summaries=tuple(report.summary for report in reports if report.summary), metadata=metadata)


def log_directory(root: str) -> str:
    """Return a fresh directory name for this build's logs below the store."""
    return f"{root}/logs/{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"


def write_metadata(outcome: Outcome, values: Mapping[str, Any]) -> None:
    """Write `--metadata-file` and `--iidfile`, each by a temporary name and a rename."""
    import json

    texts = {
        values["metadata_file"]: json.dumps(dict(outcome.metadata), indent=2, sort_keys=True) + "\n",
        values["iidfile"]: str(outcome.metadata.get("containerimage.digest", "")),
    }
    for path, text in texts.items():
        if path:
            write_whole(path, text.encode())
