# SPDX-License-Identifier: Apache-2.0
"""BuildKit's `ops.proto`, message by message: field numbers, our names, and the names in Go's JSON."""

from __future__ import annotations

from typing import Any

from ladle.llb import metadata as meta
from ladle.llb import ops
from ladle.llb.protobuf.kinds import (
    Blob,
    Choice,
    Converted,
    Flag,
    Map,
    Number,
    Numbers,
    PbKind,
    Repeated,
    Text,
    Wrapped,
)
from ladle.llb.protobuf.message import Message, OneofMessage, PbField, Variant

TEXT, BLOB, NUMBER, FLAG, TEXTS = Text(), Blob(), Number(), Flag(), Repeated(Text())
INDEX = Wrapped("input", NUMBER)
ATTRS = Map(TEXT)


def _message(cls: type[Any], *rows: tuple[int, str, str, PbKind]) -> Message:
    return Message(cls, [PbField(*row) for row in rows])


PLATFORM = _message(
    ops.Platform,
    (1, "architecture", "Architecture", TEXT),
    (2, "os", "OS", TEXT),
    (3, "variant", "Variant", TEXT),
    (4, "os_version", "OSVersion", TEXT),
    (5, "os_features", "OSFeatures", TEXTS),
)

SOURCE = _message(ops.SourceOp, (1, "identifier", "identifier", TEXT), (2, "attrs", "attrs", ATTRS))

_FILE_OPT = (
    (1, "id", "ID", TEXT),
    (2, "uid", "uid", NUMBER),
    (3, "gid", "gid", NUMBER),
    (4, "mode", "mode", NUMBER),
    (5, "optional", "optional", FLAG),
)
MOUNT = _message(
    ops.Mount,
    (1, "input", "input", NUMBER),
    (2, "selector", "selector", TEXT),
    (3, "dest", "dest", TEXT),
    (4, "output", "output", NUMBER),
    (5, "readonly", "readonly", FLAG),
    (6, "mount_type", "mountType", Choice(ops.MountType)),
    (19, "tmpfs_opt", "TmpfsOpt", _message(ops.TmpfsOpt, (1, "size", "size", NUMBER))),
    (
        20,
        "cache_opt",
        "cacheOpt",
        _message(ops.CacheOpt, (1, "id", "ID", TEXT), (2, "sharing", "sharing", Choice(ops.CacheSharing))),
    ),
    (21, "secret_opt", "secretOpt", _message(ops.SecretOpt, *_FILE_OPT)),
    (22, "ssh_opt", "SSHOpt", _message(ops.SSHOpt, *_FILE_OPT)),
    (23, "result_id", "resultID", TEXT),
    (24, "content_cache", "contentCache", Choice(ops.ContentCache)),
)
META = _message(
    ops.Meta,
    (1, "args", "args", TEXTS),
    (2, "env", "env", TEXTS),
    (3, "cwd", "cwd", TEXT),
    (4, "user", "user", TEXT),
    (
        5,
        "proxy_env",
        "proxy_env",
        _message(
            ops.ProxyEnv,
            (1, "http_proxy", "http_proxy", TEXT),
            (2, "https_proxy", "https_proxy", TEXT),
            (3, "ftp_proxy", "ftp_proxy", TEXT),
            (4, "no_proxy", "no_proxy", TEXT),
            (5, "all_proxy", "all_proxy", TEXT),
        ),
    ),
    (6, "extra_hosts", "extraHosts", Repeated(_message(ops.HostIP, (1, "host", "Host", TEXT), (2, "ip", "IP", TEXT)))),
    (7, "hostname", "hostname", TEXT),
    (
        9,
        "ulimit",
        "ulimit",
        Repeated(
            _message(ops.Ulimit, (1, "name", "Name", TEXT), (2, "soft", "Soft", NUMBER), (3, "hard", "Hard", NUMBER))
        ),
    ),
    (10, "cgroup_parent", "cgroupParent", TEXT),
    (11, "remove_mount_stubs_recursive", "removeMountStubsRecursive", FLAG),
    (12, "valid_exit_codes", "validExitCodes", Numbers()),
)
EXEC = _message(
    ops.ExecOp,
    (1, "meta", "meta", META),
    (2, "mounts", "mounts", Repeated(MOUNT)),
    (3, "network", "network", Choice(ops.NetMode)),
    (4, "security", "security", Choice(ops.SecurityMode)),
    (
        5,
        "secret_env",
        "secretenv",
        Repeated(
            _message(ops.SecretEnv, (1, "id", "ID", TEXT), (2, "name", "name", TEXT), (3, "optional", "optional", FLAG))
        ),
    ),
    (
        6,
        "cdi_devices",
        "cdiDevices",
        Repeated(_message(ops.CDIDevice, (1, "name", "name", TEXT), (2, "optional", "optional", FLAG))),
    ),
)

_HALF = Variant(
    "User",
    {
        "byName": (1, ops.ByName, _message(ops.ByName, (1, "name", "name", TEXT), (2, "input", "input", NUMBER))),
        "byId": (2, ops.ById, Converted(NUMBER, None, lambda half: half.id, lambda number: ops.ById(id=number))),
    },
)
_OWNER = _message(ops.ChownOpt, (1, "user", "user", _HALF), (2, "group", "group", _HALF))
COPY = _message(
    ops.Copy,
    (1, "src", "src", TEXT),
    (2, "dest", "dest", TEXT),
    (3, "owner", "owner", _OWNER),
    (4, "mode", "mode", NUMBER),
    (5, "follow_symlink", "followSymlink", FLAG),
    (6, "dir_copy_contents", "dirCopyContents", FLAG),
    (7, "attempt_unpack", "attemptUnpackDockerCompatibility", FLAG),
    (8, "create_dest_path", "createDestPath", FLAG),
    (9, "allow_wildcard", "allowWildcard", FLAG),
    (10, "allow_empty_wildcard", "allowEmptyWildcard", FLAG),
    (11, "timestamp", "timestamp", NUMBER),
    (12, "include_patterns", "include_patterns", TEXTS),
    (13, "exclude_patterns", "exclude_patterns", TEXTS),
    (14, "always_replace_existing_dest_paths", "alwaysReplaceExistingDestPaths", FLAG),
    (15, "mode_str", "modeStr", TEXT),
    (16, "required_paths", "required_paths", TEXTS),
)
MKFILE = _message(
    ops.MkFile,
    (1, "path", "path", TEXT),
    (2, "mode", "mode", NUMBER),
    (3, "data", "data", BLOB),
    (4, "owner", "owner", _OWNER),
    (5, "timestamp", "timestamp", NUMBER),
)
MKDIR = _message(
    ops.MkDir,
    (1, "path", "path", TEXT),
    (2, "mode", "mode", NUMBER),
    (3, "make_parents", "makeParents", FLAG),
    (4, "owner", "owner", _OWNER),
    (5, "timestamp", "timestamp", NUMBER),
)
RM = _message(
    ops.Rm,
    (1, "path", "path", TEXT),
    (2, "allow_not_found", "allowNotFound", FLAG),
    (3, "allow_wildcard", "allowWildcard", FLAG),
)
SYMLINK = _message(
    ops.Symlink,
    (1, "oldpath", "oldpath", TEXT),
    (2, "newpath", "newpath", TEXT),
    (3, "owner", "owner", _OWNER),
    (4, "timestamp", "timestamp", NUMBER),
)
_ACTION = OneofMessage(
    ops.FileAction,
    [
        PbField(1, "input", "input", NUMBER, shown=True),
        PbField(2, "secondary_input", "secondaryInput", NUMBER, shown=True),
        PbField(3, "output", "output", NUMBER, shown=True),
    ],
    "action",
    Variant(
        "Action",
        {
            "copy": (4, ops.Copy, COPY),
            "mkfile": (5, ops.MkFile, MKFILE),
            "mkdir": (6, ops.MkDir, MKDIR),
            "rm": (7, ops.Rm, RM),
            "symlink": (8, ops.Symlink, SYMLINK),
        },
    ),
)
FILE = _message(ops.FileOp, (2, "actions", "actions", Repeated(_ACTION)))
MERGE = _message(ops.MergeOp, (1, "inputs", "inputs", Repeated(INDEX)))
DIFF = _message(ops.DiffOp, (1, "lower", "lower", INDEX), (2, "upper", "upper", INDEX))
BUILD = _message(
    ops.BuildOp,
    (1, "builder", "builder", NUMBER),
    (2, "inputs", "inputs", Map(INDEX)),
    (3, "definition", "def", BLOB),
    (4, "attrs", "attrs", ATTRS),
)
PASSTHROUGH = _message(ops.PassthroughOp, (1, "id", "id", TEXT), (2, "outputs", "outputs", Numbers()))

OPS = Variant(
    "Op",
    {
        "exec": (2, ops.ExecOp, EXEC),
        "source": (3, ops.SourceOp, SOURCE),
        "file": (4, ops.FileOp, FILE),
        "build": (5, ops.BuildOp, BUILD),
        "merge": (6, ops.MergeOp, MERGE),
        "diff": (7, ops.DiffOp, DIFF),
        "passthrough": (8, ops.PassthroughOp, PASSTHROUGH),
    },
)

METADATA = _message(
    meta.OpMetadata,
    (1, "ignore_cache", "ignore_cache", FLAG),
    (2, "description", "description", ATTRS),
    (4, "export_cache", "export_cache", Wrapped("Value", FLAG)),
    (
        5,
        "caps",
        "caps",
        Converted(
            Map(FLAG),
            (),
            lambda names: tuple((name, True) for name in names),
            lambda pairs: tuple(name for name, wanted in pairs if wanted),
        ),
    ),
    (
        6,
        "progress_group",
        "progress_group",
        _message(meta.ProgressGroup, (1, "id", "id", TEXT), (2, "name", "name", TEXT), (3, "weak", "weak", FLAG)),
    ),
    (
        7,
        "linux_resources",
        "linux_resources",
        _message(
            meta.LinuxResources,
            (1, "memory", "memory", NUMBER),
            (2, "memory_swap", "memorySwap", NUMBER),
            (3, "cpu_shares", "cpuShares", NUMBER),
            (4, "cpu_period", "cpuPeriod", NUMBER),
            (5, "cpu_quota", "cpuQuota", NUMBER),
            (6, "cpuset_cpus", "cpusetCpus", TEXT),
            (7, "cpuset_mems", "cpusetMems", TEXT),
        ),
    ),
    (1000, "cache_ttl", "ladleCacheTtl", NUMBER),  # ours: BuildKit passes over fields that it does not know
)
