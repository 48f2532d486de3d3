# SPDX-License-Identifier: Apache-2.0
"""To and from BuildKit's own form of a graph: `pb.Definition` bytes, and the JSON lines of `dump-llb`."""

from __future__ import annotations

from ladle.llb.protobuf.caps import with_caps
from ladle.llb.protobuf.graph import (
    check_for_buildkit,
    from_json_llb,
    from_protobuf,
    to_json_llb,
    to_protobuf,
)

__all__ = ["check_for_buildkit", "from_json_llb", "from_protobuf", "to_json_llb", "to_protobuf", "with_caps"]
