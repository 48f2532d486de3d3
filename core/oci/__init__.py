# SPDX-License-Identifier: Apache-2.0
"""OCI documents: media types, typed reading of manifests, configs and indexes with limits, layouts, Go's JSON bytes."""
