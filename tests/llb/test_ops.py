# SPDX-License-Identifier: Apache-2.0
"""Ops refuse what cannot be meant, and say which value it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ladle.llb.errors import LLBError
from ladle.llb.metadata import LinuxResources, OpMetadata
from ladle.llb.ops import (
    BuildOp,
    ById,
    ByName,
    CacheOpt,
    ChownOpt,
    Copy,
    DiffOp,
    ExecOp,
    FileAction,
    FileOp,
    MergeOp,
    Meta,
    MkDir,
    MkFile,
    Mount,
    MountType,
    PassthroughOp,
    Platform,
    Rm,
    SecretOpt,
    SourceOp,
    Symlink,
)

META = Meta(args=("true",))
ROOT = Mount(dest="/", input=0, output=0)


def mkdir(**values: int) -> FileAction:
    return FileAction(action=MkDir(path="/x"), **values)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SourceOp(identifier="alpine"), "identifier 'alpine' is not of the form scheme://name"),
        (lambda: SourceOp(identifier="://alpine"), "is not of the form"),
        (lambda: SourceOp(identifier="a://b", attrs=(("y", ""), ("x", ""))), "'x' follows 'y'"),
        (lambda: SourceOp(identifier="a://b", attrs=(("", ""),)), "empty name"),
        (lambda: Meta(args=()), "args is empty"),
        (lambda: Meta(args=("x",), cwd=""), "cwd is empty"),
        (lambda: Meta(args=("x",), valid_exit_codes=(256,)), "holds 256"),
        (lambda: ExecOp(meta=META, mounts=()), "0 mounts have dest '/'"),
        (lambda: ExecOp(meta=META, mounts=(ROOT, ROOT)), "2 mounts have dest '/'"),
        (lambda: ExecOp(meta=META, mounts=(ROOT, Mount(dest="/x", output=0))), "output 0 is used twice"),
        (lambda: ExecOp(meta=META, mounts=(ROOT, Mount(dest="/x", output=2))), "output 2 leaves 1 out"),
        (lambda: Mount(dest=""), "dest is empty"),
        (lambda: Mount(dest="/x", input=-2), "input -2 is not an index"),
        (lambda: Mount(dest="/x", mount_type=MountType.SECRET), "needs secret_opt"),
        (lambda: Mount(dest="/x", mount_type=MountType.CACHE), "needs cache_opt"),
        (lambda: Mount(dest="/x", cache_opt=CacheOpt(id="c")), "no options of other kinds"),
        (lambda: FileOp(actions=()), "there are no actions"),
        (lambda: FileOp(actions=(mkdir(),)), "no action has an output"),
        (lambda: FileOp(actions=(mkdir(output=0), mkdir(output=0))), "output 0 is used twice"),
        (lambda: MkDir(path=""), "path is empty"),
        (lambda: MkDir(path="/a\0b"), "contains a NUL byte"),
        (lambda: MkFile(path="/x", mode=-1), "mode -1 is out of range"),
        (lambda: Copy(src="", dest="/x"), "src is empty"),
        (lambda: Copy(src="/x", dest=""), "dest is empty"),
        (lambda: Rm(path=""), "path is empty"),
        (lambda: Symlink(oldpath="", newpath="/x"), "oldpath is empty"),
        (lambda: ById(id=2**32), "id 4294967296 is out of range"),
        (lambda: ByName(name=""), "name is empty"),
        (lambda: MergeOp(inputs=(0,)), "1 inputs, there must be at least two"),
        (lambda: DiffOp(lower=-2), "lower -2 is not an index"),
        (lambda: BuildOp(), "neither an input nor a definition"),
        (lambda: PassthroughOp(id=""), "id is empty"),
        (lambda: PassthroughOp(id="x", outputs=()), "outputs is empty"),
    ],
)
def test_what_cannot_be_meant_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(LLBError, match=message):
        make()


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (SourceOp(identifier="a://b"), "source: input 0 is out of range"),
        (
            ExecOp(meta=META, mounts=(ROOT, Mount(dest="/x", input=1))),
            "mount '/x': input 1 is out of range, there are 1",
        ),
        (FileOp(actions=(mkdir(input=1, output=0),)), "action 0: input 1 is out of range"),
        (FileOp(actions=(mkdir(input=0), mkdir(input=2, output=0))), "action 1: input 2 is out of range"),
        (
            FileOp(actions=(FileAction(action=Copy(src="/", dest="/"), secondary_input=1, output=0),)),
            "action 0: secondary_input 1 is out of range",
        ),
        (
            FileOp(
                actions=(FileAction(action=MkDir(path="/", owner=ChownOpt(group=ByName(name="g", input=4))), output=0),)
            ),
            "action 0: owner's input 4 is out of range",
        ),
        (MergeOp(inputs=(0, 1)), "merge: input 1 is out of range"),
        (DiffOp(upper=1), "diff: upper 1 is out of range"),
        (BuildOp(inputs=(("x", 1),)), "input 'x': index 1 is out of range"),
        (PassthroughOp(id="x", outputs=(0, 1)), "passthrough: output 1 is out of range"),
    ],
)
def test_indexes_are_checked_against_the_inputs(op: ExecOp, message: str) -> None:
    with pytest.raises(LLBError, match=message):
        op.check_inputs(1)


def test_an_action_may_use_what_an_earlier_one_made() -> None:
    copy = FileAction(action=Copy(src="/", dest="/"), input=2, secondary_input=1, output=0)
    op = FileOp(actions=(mkdir(input=0), mkdir(input=1), copy))
    op.check_inputs(1)
    assert op.output_count == 1


def test_outputs_of_an_exec_are_its_writable_trees() -> None:
    secret = Mount(dest="/s", mount_type=MountType.SECRET, secret_opt=SecretOpt(id="s"), output=0)
    op = ExecOp(meta=META, mounts=(ROOT, Mount(dest="/x", output=1), Mount(dest="/y"), secret))
    assert op.output_count == 2
    assert op.root is ROOT
    assert not secret.has_output


def test_parts_of_sources_and_platforms() -> None:
    op = SourceOp(identifier="docker-image://alpine", attrs=(("a", "1"),))
    assert (op.scheme, op.ref, op.attr("a"), op.attr("b", "none")) == ("docker-image", "alpine", "1", "none")
    assert str(Platform(os="linux", architecture="arm", variant="v7")) == "linux/arm/v7"
    assert Platform(os="linux", architecture="amd64").id == "linux/amd64"


def test_merged_metadata_is_the_most_relaxed() -> None:
    one = OpMetadata(
        linux_resources=LinuxResources(memory=5, cpu_quota=7, cpuset_cpus="0"), caps=("b",), export_cache=True
    )
    two = OpMetadata(linux_resources=LinuxResources(memory=9, cpuset_cpus="1"), caps=("a",), ignore_cache=True)
    both = one.merged(two)
    assert both == OpMetadata(
        ignore_cache=True, export_cache=True, linux_resources=LinuxResources(memory=9), caps=("a", "b")
    )
    assert one.merged(OpMetadata()).linux_resources is None
    assert one.merged(one) is one
