# SPDX-License-Identifier: Apache-2.0
"""`ladle frontend schema`: the answer to the call `schema`."""

from __future__ import annotations

import json

from ladle.core.api import frontend_wire as wire
from ladle.core.api.channel import ChannelError
from ladle.core.cli.frontend import errors
from ladle.core.cli.frontend.conformance import FaultError, check_quiet, failure_of
from ladle.core.cli.frontend.peer import Plan, TestContext, converse, target_of


def run_schema(frontend: str) -> int:
    """Print the schema as JSON; returns 0."""
    target = target_of([frontend])
    heard = converse(target, TestContext(b"", directory=target.directory), Plan(call="schema"))
    try:
        check_quiet(heard)
        if heard.last is None:
            raise FaultError("it ended without an answer")
        if "failed" in heard.last:
            raise FaultError(failure_of(heard.last["failed"]))
        answer = wire.answer_from_wire(heard.last["done"])
    except (FaultError, ChannelError) as fault:
        raise errors.no_answer(frontend, "schema", str(fault)) from None
    print(json.dumps(answer.data, indent=2, ensure_ascii=False))
    return answer.status
