# SPDX-License-Identifier: Apache-2.0
"""One vertex within a plan: what is known of it, its keys, and the moves that need no waiting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ladle.core.api.errors import InternalError
from ladle.core.api.records import Key, Record
from ladle.core.solver.decide import By, Known
from ladle.core.solver.keys import content_key, input_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ladle.core.api.records import Result
    from ladle.core.solver.api import CacheIndex, Runner, VertexView

GIVEN: Mapping[str, bool] = {"given": True}
"""What the cache holds of a result that is given anew by each build (see `Runner.given`)."""


class VertexState:
    """A vertex, its runner, and what is `known` of it (see `decide`)."""

    __slots__ = ("_definition", "_given", "_op", "_parts", "known", "runner", "vertex", "wanted")

    def __init__(
        self,
        vertex: VertexView,
        runner: Runner,
        *,
        op: bytes,
        parts: Mapping[str, object],
        definition: Callable[[int], list[Key]],
        wanted: Sequence[int],
        tainted: bool,
    ) -> None:
        self.vertex = vertex
        self.runner = runner
        self.wanted = tuple(wanted)
        self._op = op
        self._parts = parts
        self._definition = definition
        self._given: Sequence[Result] | None = None
        uses = runner.uses()
        if len(uses) != len(vertex.inputs):
            raise InternalError(f"{vertex.name} has {len(vertex.inputs)} inputs and says how it uses {len(uses)}")
        self.known = Known(
            inputs=len(vertex.inputs),
            by_content=[index for index, use in enumerate(uses) if use.by_content],
            ignore_cache=vertex.ignore_cache,
            tainted=tainted,
        )

    @property
    def taints(self) -> bool:
        """Whether what stands on this vertex cannot be found by a key that says nothing of the records below it."""
        return self.known.tainted or self.vertex.fresh_since > 0

    def definition(self, output: int) -> list[Key]:
        """Return the definition key of an output and, for a root, those of its aliases."""
        return self._definition(output)

    def keys(self, by: By, output: int) -> list[Key]:
        """Return the keys of one kind, none where what they are made of is not known or they would say nothing more."""
        if by is By.DEFINITION:
            return self.definition(output)
        known = self.known
        ids = [record.id for record in known.records if record is not None]
        if not ids or len(ids) < len(known.records):
            return []
        if by is By.INPUT:
            return [input_key(self._op, ids, output)]
        if not known.by_content or len(known.contents) < len(known.by_content):
            return []
        return [content_key(self._op, [known.contents.get(index, record) for index, record in enumerate(ids)], output)]

    def all_keys(self, output: int) -> list[Key]:
        """Return every key that is known of an output."""
        return [key for by in By for key in self.keys(by, output)]

    def run_key(self) -> Key:
        """Return the key under which at most one execution goes on: the one that most requests share."""
        for by in (By.CONTENT, By.INPUT, By.DEFINITION):
            keys = self.keys(by, 0)
            if keys:
                return keys[0]
        raise InternalError(f"{self.vertex.name} has no key")

    def ask(self, by: By, cache: CacheIndex) -> None:
        """Look in the cache by one kind of key and keep the answer; a hit gets the other keys that are known."""
        found: dict[int, Record] = {}
        for output in self.wanted:
            record = cache.lookup(self.keys(by, output), self.vertex.fresh_since)
            if record is None or ("given" in record.result and self._given_results() is None):
                self.known.answers[by] = {}
                return
            found[output] = record
        for output, record in found.items():
            keys = self.all_keys(output)
            if len(keys) > 1:
                cache.alias(record, keys)
        self.known.answers[by] = {output: self._present(record, output) for output, record in found.items()}

    def ask_again(self, cache: CacheIndex) -> Mapping[int, Record]:
        """Repeat every look-up made, after waiting for somebody who may have run the same; {} if nothing is there."""
        for by in list(self.known.answers):
            self.ask(by, cache)
            if self.known.answers[by]:
                return self.known.answers[by]
        return {}

    def keep(self, results: Sequence[Result], cache: CacheIndex) -> dict[int, Record]:
        """Make records of what a run gave."""
        if self.wanted and self.wanted[-1] >= len(results):
            raise InternalError(f"{self.vertex.name} has {len(results)} outputs and {self.wanted[-1]} is wanted")
        parts = self.parts()
        return {output: self._record(result, output, cache, parts) for output, result in enumerate(results)}

    def _record(self, result: Result, output: int, cache: CacheIndex, parts: Mapping[str, object]) -> Record:
        """Return the record of a result: the one that is there already if the op only passes on what others made."""
        keys = self.all_keys(output)
        if getattr(self.runner, "PASSES_ON", False):
            before = cache.lookup(keys)
            if before is not None and before.result == result:
                return before
        return cache.add(result, keys, parts)

    def keep_given(self, cache: CacheIndex) -> dict[int, Record] | None:
        """Make records of a root whose tree lies ready; None if it must be run."""
        given = self._given_results()
        if given is None:
            return None
        return {
            output: self._present(record, output) for output, record in self.keep([GIVEN] * len(given), cache).items()
        }

    def adopt(self, records: Mapping[int, Record], cache: CacheIndex) -> None:
        """Let this vertex's keys find records that another request has made."""
        for output in self.wanted:
            cache.alias(records[output], self.all_keys(output))

    def parts(self) -> dict[str, object]:
        """Return what the keys were made from, by name."""
        known = self.known
        inputs = [
            {"record": None if record is None else record.id, "content": known.contents.get(index)}
            for index, record in enumerate(known.records)
        ]
        return {**self._parts, "inputs": inputs}

    def _given_results(self) -> Sequence[Result] | None:
        if self._given is None and not self.known.records:
            self._given = self.runner.given()
        return self._given

    def _present(self, record: Record, output: int) -> Record:
        given = self._given_results()
        return record if given is None else Record(record.id, given[output], record.created)
