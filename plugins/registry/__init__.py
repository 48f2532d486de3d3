# SPDX-License-Identifier: Apache-2.0
"""The OCI distribution protocol: one HEAD without an HTTP library, and a full client for everything else."""
