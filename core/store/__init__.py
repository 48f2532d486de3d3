# SPDX-License-Identifier: Apache-2.0
"""Blobs, snapshots and records on disk: `ladle.core.store.store.Store`."""
