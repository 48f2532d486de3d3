# SPDX-License-Identifier: Apache-2.0
"""Runs that have been described but not marshalled."""

from __future__ import annotations

from ladle.llb.mounts import MountSpec, in_order
from ladle.llb.nodes import Inputs, Node, OpOptions, Output
from ladle.llb.ops.exec import CDIDevice, ExecOp, Meta, NetMode, SecretEnv, SecurityMode
from ladle.llb.ops.mount import Mount, MountType
from ladle.llb.paths import join
from ladle.llb.values import dataclass

_NUMBERED_BY_BUILDKIT = (MountType.SECRET, MountType.SSH)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecPlan:
    """All of an exec but its mounts."""

    meta: Meta
    network: NetMode
    security: SecurityMode
    secret_env: tuple[SecretEnv, ...]
    cdi_devices: tuple[CDIDevice, ...]


class ExecNode(Node):
    """A run: its mounts are in their final order, so its outputs have their numbers from the start (LLB-16).

    `base` are mounts that the state brings along, used where nothing else is mounted.
    """

    __slots__ = ("mounts", "numbers", "plan")

    has_platform = True

    def __init__(
        self, plan: ExecPlan, mounts: tuple[MountSpec, ...], base: tuple[MountSpec, ...], options: OpOptions
    ) -> None:
        cwd = plan.meta.cwd
        own = [(_place(cwd, mount.target), mount) for mount in mounts]
        if base:
            taken = {target for target, _ in own}
            own += [(mount.target, mount) for mount in base if mount.target not in taken]
        self.mounts = in_order(own) if len(own) > 1 else own
        super().__init__(tuple([mount.source for _, mount in self.mounts]), options)
        self.plan = plan
        self.numbers: dict[str, int] = {}
        for target, mount in self.mounts:
            if mount.keep:
                self.numbers.setdefault(target, len(self.numbers))

    def output(self, target: str) -> Output | None:
        """Return what a run leaves in a mount, None where nothing is kept."""
        number = self.numbers.get(_place(self.plan.meta.cwd, target))
        return None if number is None else Output(self, number)

    def lower(self, inputs: Inputs) -> ExecOp:
        """Return the op."""
        plan = self.plan
        mounts: list[Mount] = []
        for dep, (target, mount) in enumerate(self.mounts):
            number = -1 if mount.source is None else inputs.add(dep)
            # BuildKit leaves the output of secrets and sockets at 0; ours do the same, for equal digests over there.
            output = 0 if mount.kind in _NUMBERED_BY_BUILDKIT else self.numbers[target] if mount.keep else -1
            mounts.append(mount.numbered(target, number, output))
        return ExecOp(
            meta=plan.meta,
            mounts=tuple(mounts),
            network=plan.network,
            security=plan.security,
            secret_env=plan.secret_env,
            cdi_devices=plan.cdi_devices,
        )


def _place(directory: str, target: str) -> str:
    """Return a target as the op has it: an absolute one stays as it was written."""
    return target if target.startswith("/") else join(directory, target)
