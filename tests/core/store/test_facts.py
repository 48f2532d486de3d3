# SPDX-License-Identifier: Apache-2.0
"""Facts: kept, replaced, apart by kind."""

from __future__ import annotations

from ladle.core.store.store import Store


def test_facts(store: Store) -> None:
    assert store.facts.get("kind", "key") is None
    store.facts.put("kind", "key", b"one")
    store.facts.put("other", "key", b"")
    store.facts.put("kind", "key", b"\0two")
    assert store.facts.get("kind", "key") == b"\0two"
    assert store.facts.get("other", "key") == b""
