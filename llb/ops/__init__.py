# SPDX-License-Identifier: Apache-2.0
"""The ops: BuildKit's `ops.proto` as frozen dataclasses, one file per op."""

from __future__ import annotations

from ladle.llb.ops.build import BuildOp
from ladle.llb.ops.diff import DiffOp
from ladle.llb.ops.exec import CDIDevice, ExecOp, HostIP, Meta, NetMode, ProxyEnv, SecretEnv, SecurityMode, Ulimit
from ladle.llb.ops.file import (
    KEEP,
    Action,
    ById,
    ByName,
    ChownOpt,
    Copy,
    FileAction,
    FileOp,
    MkDir,
    MkFile,
    Rm,
    Symlink,
    UserOpt,
)
from ladle.llb.ops.merge import MergeOp
from ladle.llb.ops.mount import (
    CacheOpt,
    CacheSharing,
    ContentCache,
    Mount,
    MountType,
    SecretOpt,
    SSHOpt,
    TmpfsOpt,
)
from ladle.llb.ops.passthrough import PassthroughOp
from ladle.llb.ops.platform import Platform
from ladle.llb.ops.source import SourceOp

Op = SourceOp | ExecOp | FileOp | MergeOp | DiffOp | BuildOp | PassthroughOp
"""Every kind of op."""

__all__ = [
    "KEEP",
    "Action",
    "BuildOp",
    "ById",
    "ByName",
    "CDIDevice",
    "CacheOpt",
    "CacheSharing",
    "ChownOpt",
    "ContentCache",
    "Copy",
    "DiffOp",
    "ExecOp",
    "FileAction",
    "FileOp",
    "HostIP",
    "MergeOp",
    "Meta",
    "MkDir",
    "MkFile",
    "Mount",
    "MountType",
    "NetMode",
    "Op",
    "PassthroughOp",
    "Platform",
    "ProxyEnv",
    "Rm",
    "SSHOpt",
    "SecretEnv",
    "SecretOpt",
    "SecurityMode",
    "SourceOp",
    "Symlink",
    "TmpfsOpt",
    "Ulimit",
    "UserOpt",
]
