# SPDX-License-Identifier: Apache-2.0
"""Content digests of file trees, and the scan of local directories."""
