"""The program behind `Training`: one run of the Trainer, or of Keras, for each request.

Run as ``python -m llm_claims.workloads.training.program``; see `llm_claims.workloads.protocol`. This process only
imports what the runs need; each run is a fork of it (`llm_claims.workloads.training.launch`).
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from llm_claims.workloads.llm.gpu import ENVIRONMENT, see_one_device
from llm_claims.workloads.llm.ranks import agreed
from llm_claims.workloads.processes.janitor import Janitor
from llm_claims.workloads.program import Runner, UnsupportedWorkload, command_line, serve_prepared
from llm_claims.workloads.protocol import Answer, Request, read_answer
from llm_claims.workloads.training import link, nccl
from llm_claims.workloads.training.cluster import Cluster
from llm_claims.workloads.training.launch import launch
from llm_claims.workloads.training.run import TrainingRun
from llm_claims.workloads.training.workload import Training

PACKAGES = ("torch", "transformers", "accelerate", "deepspeed", "numpy")
PACKAGES_ON_PROCESSOR = (*PACKAGES, "keras")

# Settings of whoever started this, which the libraries would take for their own: that this is a rank of
# another run, or is to train otherwise than asked.
_FOREIGN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT")
_FOREIGN_PREFIXES = ("ACCELERATE_", "FSDP_", "MV2_COMM_", "OMPI_COMM_", "PMI_", "TORCHELASTIC_", "TQDM_")


class TrainingProgram:
    """Answers requests for `Training`; base models are made once, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, request: Request) -> Answer:
        """Train once and return what the first rank measured, and what all ranks agree to have seen.

        Raises
        ------
        UnsupportedWorkload
            The workload asks for what this program does not do, or leaves open what it must know.
        RankError
            A rank failed, or ranks saw different runs.
        """
        run = _checked(request)
        base = self._base(run.model)
        scratch = Path(tempfile.mkdtemp(dir=self._folder, prefix="run-"))
        work = _work_of(run, base, scratch)
        try:
            said = launch(work, run.ranks, run.link_mbit_per_second)
        finally:
            if Cluster.here().nodes > 1:
                # What carried messages between machines is told by the job's log.
                nccl.print_logs(scratch)
            shutil.rmtree(scratch, ignore_errors=True)
        return agreed([read_answer(one, Training) for one in said])

    def _base(self, model: str) -> Path:
        """Return the folder of a base model, trained in a fork where it is asked for first."""
        folder = self._folder / model
        if not folder.exists():
            unfinished = Path(tempfile.mkdtemp(dir=self._folder, prefix="base-"))
            try:
                launch(lambda: _based(model, unfinished), 1)
                unfinished.rename(folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
        return folder


def _based(model: str, folder: Path) -> str:
    from llm_claims.workloads.training.base_model import save_base_model

    see_one_device()
    return str(save_base_model(model, folder))


def _work_of(run: TrainingRun, base: Path, scratch: Path) -> Callable[[], str]:
    """What each rank of the run does; it returns an `Answer` as JSON."""

    def train() -> str:
        if run.logger == "keras":
            from llm_claims.workloads.training.keras_fit import keras_fit

            return keras_fit(run, base).model_dump_json()
        from llm_claims.workloads.training.finetune import finetune

        before = link.observed() if run.link_mbit_per_second else None
        answer = finetune(run, base, scratch)
        return (answer if before is None else _with_link(answer, before)).model_dump_json()

    return train


def _with_link(answer: Answer, before: link.LinkState) -> Answer:
    """Add what the kernel knows of the link that this rank used."""
    import torch.distributed

    after = link.observed()
    # The link goes with the first of its ends, and its counters with it.
    torch.distributed.barrier()
    crossed = after.sent_bytes - before.sent_bytes + after.received_bytes - before.received_bytes
    rate = {"link_mbit_per_second": after.mbit_per_second}
    assert answer.witness is not None
    witness = answer.witness.model_copy(update=rate if crossed else {})
    return answer.model_copy(update={"metrics": {**answer.metrics, "link_bytes": crossed}, "witness": witness})


def _checked(request: Request) -> TrainingRun:
    if not isinstance(request.workload, Training):
        raise UnsupportedWorkload(f"this program trains; it was asked for {request.workload.kind}")
    return TrainingRun.of(request.workload, request.seed)


def set_up(folder: Path) -> Runner:
    """Import all that runs need, and start nothing: a fork of this process must find no thread in use."""
    import accelerate  # noqa: F401
    import deepspeed.ops
    import deepspeed.runtime.zero.muon.muon_optimizer
    import transformers  # noqa: F401

    import llm_claims.workloads.training.finetune  # noqa: F401

    # Its operators for processors would be compiled on first use; one of them would carry what ranks on
    # one machine send past the network.
    deepspeed.ops.__compatible_ops__ = {}
    # What is imported stays. Else every collection in a fork walks through it, and copies its pages.
    gc.collect()
    gc.freeze()
    return TrainingProgram(folder).run


def prepare_environment(folder: Path, device: str) -> None:
    """Set the environment for the libraries, which read much of it when they are imported.

    All that they leave in temporary folders, or in the user's own, then goes to ``folder``.
    """
    for name in list(os.environ):
        if name in _FOREIGN or name.startswith(_FOREIGN_PREFIXES):
            del os.environ[name]
    os.environ["DS_ACCELERATOR"] = device
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the Trainer would take a GPU that it finds
    os.environ.update(
        ENVIRONMENT,
        HF_HUB_OFFLINE="1",
        TOKENIZERS_PARALLELISM="false",
        # Ranks that each used all cores would slow each other down.
        OMP_NUM_THREADS="1",
        KERAS_HOME=str(folder),
        MPLCONFIGDIR=str(folder),
        TMPDIR=str(folder),
    )
    tempfile.tempdir = str(folder)


def main() -> int:
    """Train until the caller is gone; return the exit status."""
    device = str(command_line().parse_args().device)
    janitor = Janitor()
    try:
        try:
            folder = janitor.new_folder("llm-claims-train-")
        except OSError as error:
            raise SystemExit(f"no temporary folder can be made: {error}") from None
        prepare_environment(folder, device)
        return serve_prepared(
            Training, lambda: set_up(folder), PACKAGES_ON_PROCESSOR if device == "cpu" else PACKAGES, device
        )
    finally:
        janitor.close()


if __name__ == "__main__":
    raise SystemExit(main())
