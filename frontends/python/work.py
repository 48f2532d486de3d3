# SPDX-License-Identifier: Apache-2.0
"""One compile of a program: the build it asks, the targets that were called, the bases that were looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, Label, Span
from ladle.core.api.platforms import format_platform
from ladle.frontends.python import errors
from ladle.frontends.python.parameters import Parameter, ParameterError, ValueTextError, parameters_of, takes_platform
from ladle.llb.metadata import OpMetadata
from ladle.llb.nodes import VertexNode

if TYPE_CHECKING:
    from ladle.core.api.frontend import Context, SolvedTree
    from ladle.frontends.python.bases import Bases
    from ladle.frontends.python.sources import Place, Sources
    from ladle.frontends.python.targets import Target
    from ladle.llb.nodes import Node
    from ladle.llb.ops.platform import Platform
    from ladle.llb.state import State


class Work:
    """What the functions of `ambient` and the targets ask while a program runs."""

    def __init__(self, context: Context, sources: Sources) -> None:
        from ladle.frontends.python.bases import Bases

        self.context = context
        self.sources = sources
        self.platform: Platform = context.options.platforms[0]
        self.bases: Bases = Bases(self)
        self.targets: Mapping[str, Target[..., Any]] = {}
        self._stack: list[Target[..., Any]] = []
        self._results: dict[object, Any] = {}
        self._makers: dict[int, tuple[Node, str]] = {}
        self._uncached = frozenset(context.options.no_cache or ())

    def made(self, node: Node) -> None:
        """Give a new step its place in the user's file; without cache if its target is to be built anew."""
        if isinstance(node, VertexNode):
            return
        self._makers[id(node)] = (node, self._stack[-1].name if self._stack else "")
        if not node.locations and (place := self.sources.here()) is not None:
            node.locations = (self.sources.location(place),)
        if self._uncached and self._stack and self._stack[-1].name in self._uncached:
            node.metadata = replace(node.metadata or OpMetadata(), ignore_cache=True)

    def maker(self, node: Node) -> str:
        """Return the name of the target that made a step, "" where none did."""
        return self._makers.get(id(node), (node, ""))[1]

    def call(self, target: Target[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Return what a target makes: once for the same arguments and platform."""
        if target in self._stack:
            raise self._circle(target)
        values = self._values(target, args, named)
        key = (id(target), self.platform, tuple((name, _frozen(values[name])) for name in sorted(values)))
        try:
            if key in self._results:
                return self._results[key]
        except TypeError:  # an argument that cannot be compared: the target is called anew
            key = (id(target), self.platform, (("", object()),))
        self._stack.append(target)
        try:
            made = self._results[key] = target.function(**values)
        finally:
            self._stack.pop()
        return made

    def _circle(self, target: Target[..., Any]) -> DiagnosticError:
        names = [each.name for each in [*self._stack[self._stack.index(target) :], target]]
        place = self.sources.here()
        labels = [Label(self.sources.span(place), "called again here")] if place else []
        return DiagnosticError([errors.circle(names, labels)])

    def _values(self, target: Target[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """Return all arguments of a call: those that are given, then the build's, then defaults."""
        code = target.function.__code__
        positional = code.co_varnames[: code.co_argcount]
        known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if len(args) > len(positional):
            raise TypeError(f"{target.name}() takes {len(positional)} arguments, {len(args)} were given")
        values = dict(zip(positional, args, strict=False))
        for name, value in named.items():
            if name not in known or name in values:
                what = "was given twice" if name in values else f"is no parameter of {target.name}()"
                raise TypeError(f"{name!r} {what}")
            values[name] = value
        found: list[Diagnostic] = []
        for parameter in self.parameters(target):
            if parameter.name not in values:
                values[parameter.name] = self._argument(target, parameter, found)
        if found:
            raise DiagnosticError(found)
        if "platform" not in values and (how := self._platform_of(target)):
            values["platform"] = format_platform(self.platform) if how == "text" else self.platform
        return values

    def _argument(self, target: Target[..., Any], parameter: Parameter, found: list[Diagnostic]) -> Any:
        given = self.context.options.build_args
        if parameter.name not in given:
            if parameter.required:
                span = self.parameter_span(target, parameter.name)
                found.append(errors.missing_argument(parameter.name, parameter.kind, span))
                return None
            default = parameter.default
            return list(default) if isinstance(default, list) else default
        text = given[parameter.name]
        try:
            return parameter.parse(text)
        except ValueTextError as bad:
            from ladle.frontends.suggest import nearest

            near = nearest(text, bad.choices)
            span = self.parameter_span(target, parameter.name)
            found.append(errors.bad_argument(parameter.name, text, bad.wanted, near, span))
            return None

    def parameters(self, target: Target[..., Any]) -> tuple[Parameter, ...]:
        """Return a target's parameters; raises `DiagnosticError` for one that no build argument can be."""
        try:
            return parameters_of(target.function)
        except ParameterError as bad:
            raise self._bad_parameter(target, bad) from None

    def _platform_of(self, target: Target[..., Any]) -> str:
        try:
            return takes_platform(target.function)
        except ParameterError as bad:
            raise self._bad_parameter(target, bad) from None

    def _bad_parameter(self, target: Target[..., Any], bad: ParameterError) -> DiagnosticError:
        span = self.parameter_span(target, bad.name)
        wrong = errors.bad_annotation(bad.name, bad.shown, span) if bad.shown else errors.bad_parameter(bad.name, span)
        return DiagnosticError([wrong])

    def target_place(self, target: Target[..., Any]) -> Place:
        """Return where a target's `def` is."""
        from ladle.frontends.python.definitions import def_place

        return def_place(self.sources, target.function)

    def target_span(self, target: Target[..., Any]) -> Span:
        """Return where a target is defined."""
        return self.sources.span(self.target_place(target))

    def parameter_span(self, target: Target[..., Any], name: str) -> Span:
        """Return where a target's parameter is written."""
        from ladle.frontends.python.definitions import parameter_place

        return self.sources.span(parameter_place(self.sources, target.function, name))

    def target_tree(self, name: str) -> State:
        """Return what a target makes, for a context that stands for it."""
        from ladle.frontends.python.program import chosen_target
        from ladle.frontends.python.results import Image

        made = chosen_target(self, name)()
        return made.state if isinstance(made, Image) else getattr(made, "root", made)

    def image(self, ref: str, platform: Platform | None) -> State:
        """Return a base by its name."""
        return self.bases.image(ref, platform or self.platform)

    def context_tree(self, name: str) -> State:
        """Return the build context or a named one."""
        return self.bases.tree(name)

    def machine(self) -> State:
        """Return the machine as a base."""
        return self.bases.machine()

    def listing(self, path: str) -> tuple[str, ...] | None:
        """Return the names in a directory of the context."""
        names: tuple[str, ...] | None = self.context.list(path)
        return names

    def solve(self, state: State) -> SolvedTree:
        """Build a state while the program runs; what it reads of the tree decides what is built."""
        from ladle.frontends.python.compile import settle

        settle(self, [state])
        return self.context.solve(state)

    def export(self, made: State, *, type: str, dest: str, **attributes: str) -> Any:  # noqa: ARG002 — as `Engine` says
        """Refuse: where results go is said by who builds, not by the build file."""
        raise DiagnosticError([errors.no_export()])

    def warn(self, message: str, help: str) -> None:
        """Warn about the line in the user's file that asked for it."""
        place = self.sources.here()
        span = self.sources.span(place) if place else self.sources.top()
        self.context.warn(errors.warning(message, span, help))


def _frozen(value: Any) -> object:
    """Return a value that a dictionary can have as key, if there is one."""
    return (list, tuple(value)) if isinstance(value, list) else (type(value), value)
