"""Where workloads go: the instance type of each, and the job or endpoint that measures it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llm_claims.document.instances import InstanceTable
from llm_claims.document.setting import Setting
from llm_claims.errors import Untestable
from llm_claims.sagemaker.deployments import Deployment, deployment_of
from llm_claims.sagemaker.stacks import Stack, not_launched
from llm_claims.sources.base import Placed, refuse_secondary, within_setting
from llm_claims.workloads.base import Defaults, Workload
from llm_claims.workloads.hardware import Processor


@dataclass(frozen=True)
class Placement:
    """What decides where workloads go.

    Parameters
    ----------
    instances
        The instance types that may be launched, without ``ml.``.
    stack
        The images, and what fills open fields.
    table
        The instance types and their prices.
    emulated
        Whether AWS is an emulator. Then the CPU's small workloads are run.
    """

    instances: frozenset[str]
    stack: Stack
    table: InstanceTable
    emulated: bool = False

    def place(self, workload: Workload, setting: Setting | None, on: str | None) -> Placed:
        """Fill open fields from the case's setting, then from the stack's defaults, and choose an instance type.

        Raises
        ------
        Untestable
            The instance type was not passed with --instance, or the stack cannot run the workload.
        """
        if self.emulated:
            return self._place_on_emulator(workload, setting, on)
        workload, instance = within_setting(workload, setting, on)
        defaults = self._defaults_for(workload)
        workload = workload.filled(defaults.fields_for(workload))
        bare = instance or defaults.instance or ""
        if bare not in self.instances:
            raise Untestable(f"needs ml.{bare}: pass --instance {bare}")
        stand_in = workload.starts_from_a_stand_in
        note = (
            f"{workload.stated().get('model')} stands for the document's model, whose checkpoint is gone"
            if stand_in
            else ""
        )
        placed = Placed(workload, bare, note, stand_in=stand_in)
        self.deployment_for(placed)  # refuses what the stack or the instance type cannot run
        return placed

    def _place_on_emulator(self, workload: Workload, setting: Setting | None, on: str | None) -> Placed:
        asked = workload
        defaults = self._defaults_for(workload)
        workload, on, note = defaults.analogue(workload, on)
        if on is not None:
            raise Untestable(f"needs ml.{on}; an emulator has this machine's processor")
        refuse_secondary(setting, "an emulator")
        placed = Placed(workload.filled(defaults.fields_for(workload)), note=note, asked=asked)
        self.deployment_for(placed)  # refuses what the stack cannot run, with the stack's reason
        placed.workload.check(Processor())
        return placed

    def _defaults_for(self, workload: Workload) -> Defaults[Any]:
        if workload.kind not in self.stack.defaults:
            raise Untestable(not_launched(workload))
        return self.stack.defaults[workload.kind]

    def deployment_for(self, placed: Placed) -> Deployment:
        """Return the deployment that measures a placed workload.

        Raises
        ------
        Untestable
            The stack or the instance type cannot run it.
        """
        return deployment_of(placed, self.stack, self.table, emulated=self.emulated)
