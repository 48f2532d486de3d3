# SPDX-License-Identifier: Apache-2.0
"""The encoding of version 1: every record, its fields in their order, and the kind of each field.

A new field goes to the end of its record with a default: then old graphs keep their digests.
"""

from __future__ import annotations

from typing import Final

from ladle.llb import metadata as meta
from ladle.llb import ops
from ladle.llb.kinds import ATTRS, BYTES, FLAG, NUMBER, TEXT, TEXTS, Choice, Many, Mapped, OneOf, Record

VERSION: Final = 1
"""The version in the envelope of a definition."""

PLATFORM = Record(
    ops.Platform,
    {"architecture": TEXT, "os": TEXT, "variant": TEXT, "os_version": TEXT, "os_features": TEXTS},
)

# --- exec
MOUNT = Record(
    ops.Mount,
    {
        "dest": TEXT,
        "input": NUMBER,
        "selector": TEXT,
        "output": NUMBER,
        "readonly": FLAG,
        "mount_type": Choice(ops.MountType),
        "tmpfs_opt": Record(ops.TmpfsOpt, {"size": NUMBER}),
        "cache_opt": Record(ops.CacheOpt, {"id": TEXT, "sharing": Choice(ops.CacheSharing)}),
        "secret_opt": Record(
            ops.SecretOpt, {"id": TEXT, "uid": NUMBER, "gid": NUMBER, "mode": NUMBER, "optional": FLAG}
        ),
        "ssh_opt": Record(ops.SSHOpt, {"id": TEXT, "uid": NUMBER, "gid": NUMBER, "mode": NUMBER, "optional": FLAG}),
        "result_id": TEXT,
        "content_cache": Choice(ops.ContentCache),
    },
)
META = Record(
    ops.Meta,
    {
        "args": TEXTS,
        "env": TEXTS,
        "cwd": TEXT,
        "user": TEXT,
        "proxy_env": Record(
            ops.ProxyEnv,
            {"http_proxy": TEXT, "https_proxy": TEXT, "ftp_proxy": TEXT, "no_proxy": TEXT, "all_proxy": TEXT},
        ),
        "extra_hosts": Many(Record(ops.HostIP, {"host": TEXT, "ip": TEXT})),
        "hostname": TEXT,
        "ulimit": Many(Record(ops.Ulimit, {"name": TEXT, "soft": NUMBER, "hard": NUMBER})),
        "cgroup_parent": TEXT,
        "remove_mount_stubs_recursive": FLAG,
        "valid_exit_codes": Many(NUMBER),
    },
)
EXEC = Record(
    ops.ExecOp,
    {
        "meta": META,
        "mounts": Many(MOUNT),
        "network": Choice(ops.NetMode),
        "security": Choice(ops.SecurityMode),
        "secret_env": Many(Record(ops.SecretEnv, {"id": TEXT, "name": TEXT, "optional": FLAG})),
        "cdi_devices": Many(Record(ops.CDIDevice, {"name": TEXT, "optional": FLAG})),
    },
)

# --- file
_HALF = OneOf(
    {
        "by_name": Record(ops.ByName, {"name": TEXT, "input": NUMBER}),
        "by_id": Record(ops.ById, {"id": NUMBER}),
    }
)
_OWNER = Record(ops.ChownOpt, {"user": _HALF, "group": _HALF})
ACTION = OneOf(
    {
        "copy": Record(
            ops.Copy,
            {
                "src": TEXT,
                "dest": TEXT,
                "owner": _OWNER,
                "mode": NUMBER,
                "mode_str": TEXT,
                "follow_symlink": FLAG,
                "dir_copy_contents": FLAG,
                "attempt_unpack": FLAG,
                "create_dest_path": FLAG,
                "allow_wildcard": FLAG,
                "allow_empty_wildcard": FLAG,
                "timestamp": NUMBER,
                "include_patterns": TEXTS,
                "exclude_patterns": TEXTS,
                "always_replace_existing_dest_paths": FLAG,
                "required_paths": TEXTS,
            },
        ),
        "mkfile": Record(
            ops.MkFile, {"path": TEXT, "mode": NUMBER, "data": BYTES, "owner": _OWNER, "timestamp": NUMBER}
        ),
        "mkdir": Record(
            ops.MkDir, {"path": TEXT, "mode": NUMBER, "make_parents": FLAG, "owner": _OWNER, "timestamp": NUMBER}
        ),
        "rm": Record(ops.Rm, {"path": TEXT, "allow_not_found": FLAG, "allow_wildcard": FLAG}),
        "symlink": Record(ops.Symlink, {"oldpath": TEXT, "newpath": TEXT, "owner": _OWNER, "timestamp": NUMBER}),
    }
)
FILE_ACTION = Record(ops.FileAction, {"action": ACTION, "input": NUMBER, "secondary_input": NUMBER, "output": NUMBER})

# --- every op, by the name it is written under
OPS = OneOf(
    {
        "source": Record(ops.SourceOp, {"identifier": TEXT, "attrs": ATTRS}),
        "exec": EXEC,
        "file": Record(ops.FileOp, {"actions": Many(FILE_ACTION)}),
        "merge": Record(ops.MergeOp, {"inputs": Many(NUMBER)}),
        "diff": Record(ops.DiffOp, {"lower": NUMBER, "upper": NUMBER}),
        "build": Record(
            ops.BuildOp, {"builder": NUMBER, "inputs": Mapped(NUMBER), "definition": BYTES, "attrs": ATTRS}
        ),
        "passthrough": Record(ops.PassthroughOp, {"id": TEXT, "outputs": Many(NUMBER)}),
    }
)

# --- beside the ops
METADATA = Record(
    meta.OpMetadata,
    {
        "ignore_cache": FLAG,
        "description": ATTRS,
        "export_cache": FLAG,
        "progress_group": Record(meta.ProgressGroup, {"id": TEXT, "name": TEXT, "weak": FLAG}),
        "linux_resources": Record(
            meta.LinuxResources,
            {
                "memory": NUMBER,
                "memory_swap": NUMBER,
                "cpu_shares": NUMBER,
                "cpu_period": NUMBER,
                "cpu_quota": NUMBER,
                "cpuset_cpus": TEXT,
                "cpuset_mems": TEXT,
            },
        ),
        "caps": TEXTS,
        "cache_ttl": NUMBER,
    },
)
SOURCE_INFO = Record(meta.SourceInfo, {"filename": TEXT, "language": TEXT, "data": BYTES})
RANGE = Record(
    meta.Range, {"start_line": NUMBER, "start_character": NUMBER, "end_line": NUMBER, "end_character": NUMBER}
)
