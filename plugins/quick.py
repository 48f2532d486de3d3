# SPDX-License-Identifier: Apache-2.0
"""What a cached build asks of the built-in sources, with nothing heavy imported: is a root still what it was?"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ladle.core.store.store import Store


def local_digest(store: Store, root: str, exclude: list[str], include: list[str], follow: list[str]) -> str:
    """Return the digest of a local directory as the `local` source pins it: a stat a file where nothing changed."""
    from ladle.core.content.scan import scan

    return scan(root, exclude=exclude, include=include, follow_paths=follow, cache_dir=f"{store.root}/scans").digest


def tag_digest(host: str, path: str, tag: str) -> str:
    """Return the digest of a registry's tag by one HEAD, "" where the full client has to ask."""
    from ladle.plugins.registry.endpoint import find_endpoint
    from ladle.plugins.registry.head import head_digest

    return head_digest(find_endpoint(host), path, tag)


def host_key(store: Store) -> str:
    """Return what identifies this machine as a base."""
    from ladle.plugins.sources.host_paths import host_identity

    return host_identity(store.facts)
