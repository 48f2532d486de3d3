# SPDX-License-Identifier: Apache-2.0
"""The table of jobs: name -> `module:function`. The front imports a module when its job is first asked for."""

from __future__ import annotations

JOBS: dict[str, str] = {
    "exec": "ladle.core.worker.exec_job:run",
    "apply": "ladle.core.layers.jobs:apply",
    "diff": "ladle.core.layers.jobs:diff",
    "diff_trees": "ladle.core.layers.jobs:diff_trees",
    "loosen": "ladle.core.layers.loose:loosen",
    "export_local": "ladle.core.layers.jobs:export_local",
    "export_tar": "ladle.core.layers.jobs:export_tar",
    "file": "ladle.core.fileops.job:run",
    "digest": "ladle.core.content.job:run",
    "frontend": "ladle.core.worker.frontend_job:run",
    "read_file": "ladle.core.worker.tree_jobs:read_file",
    "list_directory": "ladle.core.worker.tree_jobs:list_directory",
    "remove": "ladle.core.worker.housekeeping:remove",
    "sweep": "ladle.core.worker.housekeeping:sweep",
    "probe": "ladle.core.worker.housekeeping:probe",
    "measure": "ladle.core.worker.housekeeping:measure",
    "discard": "ladle.core.worker.housekeeping:discard",
    "sync": "ladle.core.worker.housekeeping:sync",
}
