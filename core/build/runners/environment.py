# SPDX-License-Identifier: Apache-2.0
"""What all runners of one build share: the services, the sources, the pins of the roots and the user's grants."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ladle.core.api.refs import Ref
    from ladle.core.api.services import Facts, Services
    from ladle.core.api.source import Pin
    from ladle.core.build.subsolve import Subsolver
    from ladle.core.registry import Registry

Result = Mapping[str, Any]
CONTENT_FACT = "content"


class Environment:
    """Shared by the runners of one build. Their results are refs (`ladle.core.api.refs`)."""

    def __init__(
        self,
        services: Services,
        registry: Registry,
        *,
        executors: Sequence[tuple[str, str]],
        grants: frozenset[str],
        forced_network: str = "",
        build_args: Mapping[str, str] | None = None,
    ) -> None:
        self.services = replace(services, source=self.source)
        self.executors = [list(pair) for pair in executors]
        self.grants = grants
        self.forced_network = forced_network
        self.build_args = dict(build_args or {})
        self.standing = standing()
        """How this machine lets us be root, as far as results depend on it: part of every key."""
        self.pins: dict[str, Pin] = {}
        self.subsolver: Subsolver | None = None
        """Solves graphs within the build; None where there is no build."""
        self.depth = 0
        """How many steps that are graphs themselves this one stands in."""
        self._registry = registry
        self._sources: dict[str, Any] = {}
        self._tables: dict[str, Any] = {}

    def deeper(self) -> Environment:
        """Return that of a graph that was made in this build: it gets the machine's files only if they are granted."""
        made = copy(self)
        made.depth += 1
        made._sources = {}
        granted = "host" in self.grants
        made.services = replace(self.services, allow_host=granted, source=made.source)
        return made

    def source(self, scheme: str) -> Any:
        """Return this build's source for a scheme."""
        if scheme not in self._sources:
            self._sources[scheme] = self._registry.load("source", scheme)(self.services)
        return self._sources[scheme]

    def ref(self, result: Result) -> Ref:
        """Return the ref that a result stands for."""
        return dict(result)

    def usable(self, result: Result) -> bool:
        """Say whether a recorded result is still there: every snapshot of it, or the kept directory and its table."""
        layers = result.get("layers", ())
        kept = (result[name] for name in ("root", "table") if name in result)
        return all(map(os.path.lexists, kept)) and all(
            os.path.lexists(f"{self.services.root}/snapshots/{layer}") for layer in layers
        )

    def content_known(self, result: Result, selectors: Sequence[Mapping[str, Any]]) -> str | None:
        """Return the content digest of what the selectors pick, where no worker is needed for it."""
        ref = self.ref(result)
        if ref["kind"] == "host":
            return None
        if ref["kind"] == "local":
            return _digest_of(self._local_digests(ref, selectors))
        found = [self.services.facts.get(CONTENT_FACT, _content_key(ref, selector)) for selector in selectors]
        return None if None in found else _digest_of([value.decode() for value in found if value is not None])

    async def content(self, result: Result, selectors: Sequence[Mapping[str, Any]]) -> str:
        """Return the content digest of what the selectors pick, by the worker if need be."""
        known = self.content_known(result, selectors)
        if known is not None:
            return known
        ref = self.ref(result)
        done = await self.services.worker.run("digest", {"ref": ref, "selectors": [dict(each) for each in selectors]})
        for selector, digest in zip(selectors, done["digests"], strict=True):
            self.services.facts.put(CONTENT_FACT, _content_key(ref, selector), digest.encode())
        return _digest_of(done["digests"])

    def _local_digests(self, ref: Ref, selectors: Sequence[Mapping[str, Any]]) -> list[str]:
        from ladle.core.content.digest import NotFoundError, select
        from ladle.core.content.scan import load_table

        if ref["table"] not in self._tables:
            self._tables[ref["table"]] = load_table(ref["table"])
        table = self._tables[ref["table"]]
        digests = []
        for selector in selectors:
            try:
                digests.append(select(table, selector))
            except NotFoundError:
                digests.append("")
        return digests


class StandingFacts:
    """Facts of one standing, apart from those of others: snapshots made with one id are no use with many."""

    def __init__(self, facts: Facts, standing: str) -> None:
        self._facts = facts
        self._standing = standing

    def get(self, kind: str, key: str) -> bytes | None:
        """Return the value, or None."""
        return self._facts.get(f"{self._standing} {kind}", key)

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Store a value, replacing an earlier one."""
        self._facts.put(f"{self._standing} {kind}", key, value)


def standing() -> str:
    """Return "one id" where owners other than ours are lost, else ""."""
    if os.geteuid() == 0:
        return ""
    from ladle.core.worker.userns import plan

    return "one id" if plan(os.getuid(), os.getgid())[1] else ""


def _content_key(ref: Ref, selector: Mapping[str, Any]) -> str:
    chosen = [selector[name] for name in ("path", "wildcard", "follow_links", "include", "exclude")]
    return sha256(repr([list(ref["layers"]), *chosen]).encode()).hexdigest()


def _digest_of(digests: Sequence[str]) -> str:
    return sha256("\0".join(digests).encode()).hexdigest()
