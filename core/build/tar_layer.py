# SPDX-License-Identifier: Apache-2.0
"""A tree out of a tar, for sources that make one: unpacked by the worker, so that owners and devices are right.

It is applied as the layer of an image is, within its root, whatever the names in the tar are.
"""

from __future__ import annotations

import os
from hashlib import file_digest
from typing import TYPE_CHECKING

from ladle.core.api.refs import layers_ref
from ladle.core.build.threads import flight, in_thread

if TYPE_CHECKING:
    from ladle.core.api.refs import Ref
    from ladle.core.api.services import Services

_KIND = "tar-layer"
_TAR = "application/vnd.oci.image.layer.v1.tar"


async def tar_layer(services: Services, vertex: str, path: str) -> Ref:
    """Return the tree of an uncompressed tar as a ref of one layer; the same bytes are unpacked once.

    `vertex` is the identifier of the source's op, for warnings. Raises `BuildError` for what is no tar.
    """
    digest = await in_thread(lambda: _digest(path))
    async with flight(services, f"{_KIND} {digest}"):
        found = (services.facts.get(_KIND, digest) or b"").decode()
        if found and os.path.isdir(f"{services.root}/snapshots/{found}"):
            return layers_ref([found])
        snapshot = services.snapshots.allocate()
        args = {
            "parents": [],
            "snapshot": snapshot,
            "blob": path,
            "media_type": _TAR,
            "digest": digest,
            "size": os.stat(path).st_size,
            "diff_id": digest,
        }
        result = await services.worker.run("apply", args)
        for warning in result.get("warnings", ()):
            services.reporter.warning(f"{vertex}: {warning}")
        services.snapshots.commit(snapshot)
        services.facts.put(_KIND, digest, snapshot.encode())
        return layers_ref([snapshot])


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return f"sha256:{file_digest(file, 'sha256').hexdigest()}"
