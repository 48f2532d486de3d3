# SPDX-License-Identifier: Apache-2.0
"""The asyncio driver: what runs, how often, at what time, and what is left after errors and cancelling."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.solver.drive import Crew
from ladle.core.solver.drive import solve as drive


def image_build(fakes: Any, *, base: str = "image-1", context: str = "c1") -> Any:
    """base -> RUN a -> COPY from context -> RUN b."""
    return fakes.Graph(
        fakes.root("base", base),
        fakes.root("context", context, tree=f"tree {context}"),
        fakes.op("a", "base"),
        fakes.op("copy", "a", "context", content_inputs=(1,)),
        fakes.op("b", "copy"),
    )


def test_everything_runs_once_and_results_flow_up(fakes: Any, cache: Any, told: Any) -> None:
    graph = image_build(fakes)
    done = fakes.solve(graph, "b", cache=cache, reporter=told)
    assert done["b"].result == {"value": "b(copy(a(base()),tree c1))"}
    assert graph.runs() == {"base": 1, "a": 1, "copy": 1, "b": 1}
    assert sorted(told.of("completed")) == ["a", "b", "base", "context", "copy"]


def test_unchanged_build_runs_nothing_and_looks_once(fakes: Any, cache: Any, told: Any) -> None:
    first = fakes.solve(image_build(fakes), "b", cache=cache)
    cache.lookups = 0
    graph = image_build(fakes)
    assert fakes.solve(graph, "b", cache=cache, reporter=told) == first
    assert graph.runs() == {}
    assert cache.lookups == 1
    assert told.of("cached") == ["base", "a", "context", "copy", "b"] or sorted(told.of("cached")) == sorted(graph)
    assert told.of("started") == []


def test_unrelated_file_hits_copy_by_content_and_the_rest_by_input(fakes: Any, cache: Any) -> None:
    fakes.solve(image_build(fakes), "b", cache=cache)
    graph = image_build(fakes, context="c2")
    graph["context"].tree = "tree c1"  # what COPY picks of it is the same
    fakes.solve(graph, "b", cache=cache)
    assert graph.runs() == {}
    again = image_build(fakes, context="c2")
    cache.lookups = 0
    fakes.solve(again, "b", cache=cache)
    assert cache.lookups == 1  # the hits left their definition keys


def test_changed_file_runs_only_what_is_above(fakes: Any, cache: Any) -> None:
    fakes.solve(image_build(fakes), "b", cache=cache)
    graph = image_build(fakes, context="c2")
    fakes.solve(graph, "b", cache=cache)
    assert graph.runs() == {"copy": 1, "b": 1}


def test_retagged_image_with_an_equal_chain_hits_by_alias(fakes: Any, cache: Any) -> None:
    first = fakes.Graph(fakes.root("base", "manifest-1", "chain"), fakes.op("a", "base"))
    fakes.solve(first, "a", cache=cache)
    second = fakes.Graph(fakes.root("base", "manifest-2", "chain"), fakes.op("a", "base"))
    fakes.solve(second, "a", cache=cache)
    assert second.runs() == {}


def test_another_definition_with_equal_input_hits(fakes: Any, cache: Any) -> None:
    first = fakes.Graph(fakes.root("r", "r"), fakes.op("x", "r"), fakes.op("top", "x"))
    fakes.solve(first, "top", cache=cache)
    renamed = fakes.Graph(fakes.root("other", "r"), fakes.op("x2", "other", op="x"), fakes.op("top2", "x2", op="top"))
    assert fakes.solve(renamed, "top2", cache=cache)["top2"].result == {"value": "top(x(r()))"}
    assert renamed.runs() == {}


def test_dropped_record_is_made_again(fakes: Any, cache: Any) -> None:
    done = fakes.solve(image_build(fakes), "b", cache=cache)
    cache.gone.add(done["b"].id)
    graph = image_build(fakes)
    fakes.solve(graph, "b", cache=cache)
    assert graph.runs() == {"b": 1}


class TestNoCache:
    def build(self, fakes: Any, *, no_cache: bool = True, value: str = "") -> Any:
        make = (lambda *_: value) if value else None
        return fakes.Graph(
            fakes.root("base", "base"),
            fakes.op("v", "base", ignore_cache=no_cache, make=make),
            fakes.op("w", "v"),
            fakes.op("copy", "base", "v", content_inputs=(1,)),
            fakes.op("top", "copy"),
        )

    def test_vertex_runs_again_and_what_uses_its_record_too(self, fakes: Any, cache: Any) -> None:
        fakes.solve(self.build(fakes, no_cache=False), "w", cache=cache)
        graph = self.build(fakes)
        fakes.solve(graph, "w", cache=cache)
        assert graph.runs() == {"v": 1, "w": 1}

    def test_what_uses_equal_content_of_it_does_not(self, fakes: Any, cache: Any) -> None:
        fakes.solve(self.build(fakes, no_cache=False), "top", cache=cache)
        graph = self.build(fakes)
        fakes.solve(graph, "top", cache=cache)
        assert graph.runs() == {"v": 1}

    def test_result_is_stored_under_the_same_keys(self, fakes: Any, cache: Any) -> None:
        fakes.solve(self.build(fakes, no_cache=False), "w", cache=cache)
        fakes.solve(self.build(fakes, value="new"), "w", cache=cache)
        graph = self.build(fakes, no_cache=False)
        assert fakes.solve(graph, "w", cache=cache)["w"].result == {"value": "w(new)"}
        assert graph.runs() == {}

    def test_content_key_is_stored_too(self, fakes: Any, cache: Any) -> None:
        graph = image_build(fakes)
        graph["copy"].ignore_cache = True
        fakes.solve(graph, "b", cache=cache)
        later = image_build(fakes, context="c2")
        later["context"].tree = "tree c1"
        fakes.solve(later, "b", cache=cache)
        assert later.runs() == {}


def test_diamond_runs_its_root_once(fakes: Any, cache: Any) -> None:
    graph = fakes.Graph(
        fakes.root("r", "r", pause=0.01), fakes.op("x", "r"), fakes.op("y", "r"), fakes.op("z", "x", "y", "x")
    )
    fakes.solve(graph, "z", "x", cache=cache)
    assert set(graph.runs().values()) == {1}


def test_equal_vertices_run_once(fakes: Any, cache: Any) -> None:
    graph = fakes.Graph(
        fakes.root("r", "r"),
        fakes.op("x1", "r", op="x", pause=0.02),
        fakes.op("x2", "r", op="x", pause=0.02),
        fakes.op("z", "x1", "x2"),
    )
    fakes.solve(graph, "z", cache=cache)
    assert graph["x1"].runs + graph["x2"].runs == 1


def test_outputs_are_apart(fakes: Any, cache: Any) -> None:
    def build() -> Any:
        return fakes.Graph(
            fakes.root("r", "r"), fakes.op("two", "r", outputs=2), fakes.op("z", ("two", 1)), fakes.op("y", ("two", 0))
        )

    done = fakes.solve(build(), "z", "y", cache=cache)
    assert done["z"].result == {"value": "z(two(r())#1)"}
    assert done["y"].result == {"value": "y(two(r())#0)"}
    graph = build()
    cache.gone.update({done["z"].id, done["y"].id})
    fakes.solve(graph, "z", "y", cache=cache)
    assert graph.runs() == {"z": 1, "y": 1}


def test_missing_output_is_a_bug_with_a_name(fakes: Any, cache: Any) -> None:
    graph = fakes.Graph(fakes.root("r", "r"), fakes.op("z", ("r", 3)))
    with pytest.raises(InternalError, match="op r has 1 outputs and 3 is wanted"):
        fakes.solve(graph, "z", cache=cache)


def test_independent_steps_overlap_on_any_machine(fakes: Any, cache: Any) -> None:
    steps = [fakes.op(f"s{number}", "r", pause=0.2) for number in range(8)]
    graph = fakes.Graph(fakes.root("r", "r"), *steps, fakes.op("all", *[step.digest for step in steps]))
    begin = time.monotonic()
    fakes.solve(graph, "all", cache=cache)
    assert time.monotonic() - begin < 1.2


def test_jobs_limit_what_runs_at_a_time(fakes: Any, cache: Any) -> None:
    now = 0
    most = 0

    def running(change: int) -> None:
        nonlocal now, most
        now += change
        most = max(most, now)

    steps = [fakes.op(f"s{number}", "r", pause=0.01, running=running) for number in range(8)]
    graph = fakes.Graph(fakes.root("r", "r"), *steps, fakes.op("all", *[step.digest for step in steps]))
    fakes.solve(graph, "all", cache=cache, jobs=2)
    assert most == 2


def test_chain_of_ten_thousand(fakes: Any, cache: Any) -> None:
    ops = [fakes.root("0", "r", make=lambda: "v")]
    ops += [fakes.op(str(number), str(number - 1), make=lambda below: "v") for number in range(1, 10_000)]
    graph = fakes.Graph(*ops)
    assert fakes.solve(graph, "9999", cache=cache)["9999"].result == {"value": "v"}
    assert sum(graph.runs().values()) == 10_000


def test_cancelling_a_chain_of_ten_thousand(fakes: Any, cache: Any) -> None:
    ops = [fakes.root("0", "r", pause=60)]
    ops += [fakes.op(str(number), str(number - 1)) for number in range(1, 10_000)]
    graph = fakes.Graph(*ops)

    async def main() -> None:
        task = asyncio.create_task(drive(graph, [("9999", 0)], graph.__getitem__, cache, fakes.Told()))
        while not graph["0"].runs:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert graph["0"].canceled == 1


def test_failure_cancels_the_rest_and_waits_for_it(fakes: Any, cache: Any, told: Any) -> None:
    graph = fakes.Graph(
        fakes.root("r", "r"),
        fakes.op("bad", "r", pause=0.02, error=BuildError("it broke")),
        fakes.op("slow", "r", pause=60),
        fakes.op("z", "bad", "slow"),
    )
    with pytest.raises(BuildError, match="it broke"):
        fakes.solve(graph, "z", cache=cache, reporter=told)
    assert (graph["slow"].canceled, graph["slow"].ended) == (1, 1)
    assert told.of("failed") == ["bad"]
    assert told.of("canceled") == ["slow"]


def test_first_error_wins(fakes: Any, cache: Any) -> None:
    graph = fakes.Graph(
        fakes.op("late", pause=0.05, error=BuildError("late")),
        fakes.op("early", pause=0.01, error=BuildError("early")),
        fakes.op("z", "late", "early"),
    )
    with pytest.raises(BuildError, match="early"):
        fakes.solve(graph, "z", cache=cache)


def test_what_was_done_before_a_failure_is_kept(fakes: Any, cache: Any) -> None:
    def build(error: BaseException | None) -> Any:
        return fakes.Graph(fakes.root("r", "r"), fakes.op("x", "r"), fakes.op("y", "x", error=error))

    with pytest.raises(BuildError):
        fakes.solve(build(BuildError("no")), "y", cache=cache)
    graph = build(None)
    fakes.solve(graph, "y", cache=cache)
    assert graph.runs() == {"y": 1}


def test_failing_pin_is_reported_for_its_vertex(fakes: Any, cache: Any, told: Any) -> None:
    graph = fakes.Graph(fakes.root("r", "r"), fakes.op("z", "r"))

    def broken() -> None:
        raise BuildError("no such image")

    graph["r"].pin = broken
    with pytest.raises(BuildError, match="no such image"):
        fakes.solve(graph, "z", cache=cache, reporter=told)
    assert told.events == [("failed", "r")]


def test_op_that_cancels_itself_ends_the_solve(fakes: Any, cache: Any) -> None:
    graph = fakes.Graph(fakes.op("odd", error=asyncio.CancelledError()), fakes.op("z", "odd"))
    with pytest.raises(asyncio.CancelledError):
        fakes.solve(graph, "z", cache=cache)


class TestTwoRequests:
    """Two solves on one loop with one crew."""

    @staticmethod
    def start(fakes: Any, graph: Any, cache: Any, crew: Crew, told: Any = None) -> asyncio.Task[Any]:
        target = list(graph)[-1]
        return asyncio.create_task(
            drive(graph, [(target, 0)], graph.__getitem__, cache, told or fakes.Told(), crew=crew)
        )

    def test_share_one_execution(self, fakes: Any, cache: Any) -> None:
        graphs = [fakes.Graph(fakes.op("x", pause=0.05)) for _ in range(2)]

        async def main() -> list[Any]:
            crew = Crew()
            return await asyncio.gather(*[self.start(fakes, graph, cache, crew) for graph in graphs])

        first, second = asyncio.run(main())
        assert first == second
        assert sum(graph["x"].runs for graph in graphs) == 1

    def test_no_cache_is_shared_with_nobody(self, fakes: Any, cache: Any) -> None:
        graphs = [fakes.Graph(fakes.op("x", pause=0.02, ignore_cache=flag)) for flag in (True, True, False)]

        async def main() -> None:
            crew = Crew()
            await asyncio.gather(*[self.start(fakes, graph, cache, crew) for graph in graphs])

        asyncio.run(main())
        assert [graph["x"].runs for graph in graphs] == [1, 1, 1]

    def test_cancelling_one_leaves_the_run_to_the_other(self, fakes: Any, cache: Any) -> None:
        graphs = [fakes.Graph(fakes.op("x", pause=0.1)) for _ in range(2)]
        tolds = [fakes.Told(), fakes.Told()]

        async def main() -> Any:
            crew = Crew()
            first, second = (
                self.start(fakes, graph, cache, crew, told) for graph, told in zip(graphs, tolds, strict=True)
            )
            while not sum(graph["x"].runs for graph in graphs):
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.02)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            return await second

        done = asyncio.run(main())
        assert done["x", 0].result == {"value": "x()"}
        assert [sum(graph["x"].runs for graph in graphs), sum(graph["x"].canceled for graph in graphs)] == [1, 0]
        assert (tolds[0].of("canceled"), tolds[1].of("completed")) == (["x"], ["x"])

    def test_the_run_ends_when_nobody_wants_it(self, fakes: Any, cache: Any) -> None:
        graphs = [fakes.Graph(fakes.op("x", pause=60)) for _ in range(2)]

        async def main() -> None:
            crew = Crew()
            tasks = [self.start(fakes, graph, cache, crew) for graph in graphs]
            while not sum(graph["x"].runs for graph in graphs):
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.02)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            assert asyncio.all_tasks() == {asyncio.current_task()}

        asyncio.run(main())
        assert sum(graph["x"].canceled for graph in graphs) == 1

    def test_who_comes_while_a_run_is_being_cancelled_runs_after_it(self, fakes: Any, cache: Any) -> None:
        overlap: list[int] = []
        now = 0

        def running(change: int) -> None:
            nonlocal now
            now += change
            overlap.append(now)

        graphs = [fakes.Graph(fakes.op("x", pause=pause, running=running)) for pause in (60, 0.01)]

        async def main() -> Any:
            crew = Crew()
            first = self.start(fakes, graphs[0], cache, crew)
            while not graphs[0]["x"].runs:
                await asyncio.sleep(0.005)
            first.cancel()
            second = self.start(fakes, graphs[1], cache, crew)
            await asyncio.wait({first})
            return await second

        assert asyncio.run(main())["x", 0].result == {"value": "x()"}
        assert max(overlap) == 1
