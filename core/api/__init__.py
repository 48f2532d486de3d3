# SPDX-License-Identifier: Apache-2.0
"""The contracts of every kind of plugin and the values that cross them."""
