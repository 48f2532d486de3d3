# SPDX-License-Identifier: Apache-2.0
"""What runs inside the sandbox of a frontend that came with a build: `serve` and the context that asks ladle."""
