# SPDX-License-Identifier: Apache-2.0
"""`ladle frontend …`: what the author of a frontend works with."""
