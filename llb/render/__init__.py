# SPDX-License-Identifier: Apache-2.0
"""A graph for people and for other programs: text tree, JSON (in and out), Mermaid, DOT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ladle.llb.errors import LLBError

if TYPE_CHECKING:
    from ladle.llb.definition import Definition

FORMATS = ("text", "json", "mermaid", "dot")


def render(definition: Definition, format: str = "text", *, digests: bool = False) -> str:
    """Return a definition in one of `FORMATS`. `digests` puts the vertices' digests into the text form.

    Without them the text depends on nothing but what the graph does, which is what snapshots want.
    """
    if format == "text":
        from ladle.llb.render.text import render_text

        return render_text(definition, digests=digests)
    if format == "json":
        from ladle.llb.render.json import render_json

        return render_json(definition)
    if format in ("mermaid", "dot"):
        from ladle.llb.render.drawing import render_dot, render_mermaid

        return render_mermaid(definition) if format == "mermaid" else render_dot(definition)
    raise LLBError(f"format {format!r} is not one of {', '.join(FORMATS)}")


def read_json(text: str | bytes) -> Definition:
    """Return the definition that the JSON form says; everything wrong is an `LLBError`."""
    from ladle.llb.render.json import read_json as read

    return read(text)
