# SPDX-License-Identifier: Apache-2.0
"""What BuildKit's Dockerfiles do not have, for files that ask for it by `# syntax=ladle/dockerfile-labs`."""
