# SPDX-License-Identifier: Apache-2.0
"""The worker process: everything that touches snapshots, and every step."""
