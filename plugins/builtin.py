# SPDX-License-Identifier: Apache-2.0
"""The plugins that come with ladle: `kind` and name to `module:attribute`. Nothing here imports any of them."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "source": {
        "docker-image": "ladle.plugins.sources.docker_image:DockerImageSource",
        "oci-layout": "ladle.plugins.sources.oci_layout:OciLayoutSource",
        "local": "ladle.plugins.sources.local:LocalSource",
        "host": "ladle.plugins.sources.host:HostSource",
        "http": "ladle.plugins.sources.http:HttpSource",
        "https": "ladle.plugins.sources.http:HttpSource",
        "git": "ladle.plugins.sources.git:GitSource",
    },
    "exporter": {
        "oci": "ladle.plugins.exporters.oci:OciExporter",
        "docker": "ladle.plugins.exporters.docker:DockerExporter",
        "tar": "ladle.plugins.exporters.tar:TarExporter",
        "local": "ladle.plugins.exporters.local:LocalExporter",
        "cacheonly": "ladle.plugins.exporters.cacheonly:CacheOnlyExporter",
    },
    "executor": {
        "oci": "ladle.plugins.executors.oci:OciExecutor",
        "native": "ladle.plugins.executors.native:NativeExecutor",
    },
    "snapshotter": {
        "overlay": "ladle.plugins.snapshotters.overlay:Overlay",
    },
}
