"""The program behind `Training`: one run of the Trainer, or of Keras, for each request.

Run as ``python -m llm_claims.workloads.training.program``; see `llm_claims.workloads.protocol`. This process only
imports what runs need; the ranks of each run are forks of it (`llm_claims.workloads.training.launch`).
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from llm_claims.workloads.clock import clock
from llm_claims.workloads.llm.checkpoint import Checkpoint, digest_of, read_checkpoint
from llm_claims.workloads.llm.gpu import ENVIRONMENT, see_one_device
from llm_claims.workloads.llm.ranks import agreed
from llm_claims.workloads.processes.janitor import Janitor
from llm_claims.workloads.processes.lifeline import die_when_interrupted
from llm_claims.workloads.program import Runner, UnsupportedWorkload, checkpoints, command_line, serve_prepared
from llm_claims.workloads.protocol import Answer, Request, read_answer
from llm_claims.workloads.training import link, nccl, real_text
from llm_claims.workloads.training.base_model import folder_name
from llm_claims.workloads.training.cluster import Cluster
from llm_claims.workloads.training.launch import launch
from llm_claims.workloads.training.run import TrainingRun
from llm_claims.workloads.training.workload import Training

PACKAGES = ("torch", "transformers", "accelerate", "deepspeed", "numpy")
PACKAGES_ON_PROCESSOR = (*PACKAGES, "keras")

# Variables of the caller's environment that libraries would read as theirs: that this process is a rank of another
# run, or how to train.
_FOREIGN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT")
_FOREIGN_PREFIXES = ("ACCELERATE_", "FSDP_", "MV2_COMM_", "OMPI_COMM_", "PMI_", "TORCHELASTIC_", "TQDM_")


class TrainingProgram:
    """Answers requests for `Training`; each base model is made once and kept in ``folder``.

    ``weights`` are the folders of checkpoints, by model.
    """

    def __init__(self, folder: Path, weights: Mapping[str, Path] | None = None, device: str = "cpu") -> None:
        self._folder = folder
        self._weights = weights or {}
        self._device = device

    def run(self, request: Request) -> Answer:
        """Train once and return the first rank's metrics, and the witness, which must be equal on all ranks.

        Raises
        ------
        UnsupportedWorkload
            The workload states something that this program cannot run, or leaves a required field open.
        UsageError
            The checkpoint has been damaged since.
        RankError
            A rank failed, or outcomes or witnesses differ.
        """
        run = _checked(request)
        checkpoint = self._checkpoint(run)
        base = self._base(run.model) if checkpoint is None else self._base_of(checkpoint)
        if checkpoint is not None:
            real_text.check(base, run.samples, run.context_tokens)
        scratch = Path(tempfile.mkdtemp(dir=self._folder, prefix="run-"))
        work = _work_of(run, base, scratch)
        try:
            said = launch(work, run.ranks, run.link_mbit_per_second)
        finally:
            if Cluster.here().nodes > 1:
                # So that the job's log shows the transport between machines.
                nccl.print_logs(scratch)
            shutil.rmtree(scratch, ignore_errors=True)
        answer = agreed([read_answer(one, Training) for one in said])
        return answer if checkpoint is None else _with_weights(answer, checkpoint, base)

    def _checkpoint(self, run: TrainingRun) -> Checkpoint | None:
        """Return the checkpoint that a run starts from, if it asks for one."""
        if run.weights is None:
            return None
        if run.model not in self._weights:
            raise UnsupportedWorkload(f"no checkpoint of {run.model} was given: --weights {run.model}=FOLDER")
        found = read_checkpoint(run.model, self._weights[run.model])
        if run.context_tokens > found.positions:
            raise UnsupportedWorkload(f"{run.context_tokens} tokens exceed the model's {found.positions} positions")
        return found

    def _base_of(self, checkpoint: Checkpoint) -> Path:
        """Return the folder of a checkpoint's tokenizer and text, made in a fork on first use."""
        # Whether the digest is the one that the run asks for, its witness shows.
        folder = self._folder / digest_of(checkpoint.files) / folder_name(checkpoint.name)
        return self._made(folder, lambda unfinished: _made_of(checkpoint.folder, unfinished, self._device))

    def _base(self, model: str) -> Path:
        """Return the folder of a base model; make it in a fork on first use."""
        return self._made(self._folder / model, lambda unfinished: _made_base(model, unfinished))

    def _made(self, folder: Path, make: Callable[[Path], str]) -> Path:
        """Return a folder that ``make`` fills in a fork on first use; what that returns is why it cannot."""
        if not folder.exists():
            unfinished = Path(tempfile.mkdtemp(dir=self._folder, prefix="base-"))
            try:
                if reason := launch(lambda: make(unfinished), 1)[0]:
                    raise UnsupportedWorkload(reason)
                folder.parent.mkdir(exist_ok=True)
                unfinished.rename(folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
        return folder


def _made_of(checkpoint: Path, folder: Path, device: str) -> str:
    from llm_claims.workloads.training.base_model import save_checkpoint_base

    try:
        save_checkpoint_base(checkpoint, folder, device)
    except UnsupportedWorkload as reason:
        return str(reason)
    return ""


def _with_weights(answer: Answer, checkpoint: Checkpoint, base: Path) -> Answer:
    """Add to the witness the digests of the weights and of the text, as they are after the run."""
    assert answer.witness is not None
    seen = {"weights": digest_of(checkpoint.files), "text": real_text.digest(base)}
    return answer.model_copy(update={"witness": answer.witness.model_copy(update=seen)})


def _made_base(model: str, folder: Path) -> str:
    from llm_claims.workloads.training.base_model import save_base_model

    see_one_device()
    save_base_model(model, folder)
    return ""


def _work_of(run: TrainingRun, base: Path, scratch: Path) -> Callable[[], str]:
    """Return the function that each rank calls; its result is an `Answer` as JSON."""

    def train() -> str:
        if run.logger == "keras":
            from llm_claims.workloads.training.keras_fit import keras_fit

            return clock.told(keras_fit(run, base)).model_dump_json()
        from llm_claims.workloads.training.finetune import finetune

        before = link.observed() if run.link_mbit_per_second else None
        answer = finetune(run, base, scratch)
        return clock.told(answer if before is None else _with_link_metrics(answer, before)).model_dump_json()

    return train


def _with_link_metrics(answer: Answer, before: link.LinkState) -> Answer:
    """Add the bytes that crossed the link, and the rate in force on it, as this rank's kernel reports them."""
    import torch.distributed

    after = link.observed()
    # When one rank ends, the link and its counters disappear: wait until both have read them.
    torch.distributed.barrier()
    crossed = after.sent_bytes - before.sent_bytes + after.received_bytes - before.received_bytes
    rate = {"link_mbit_per_second": after.mbit_per_second}
    assert answer.witness is not None
    witness = answer.witness.model_copy(update=rate if crossed else {})
    return answer.model_copy(update={"metrics": {**answer.metrics, "link_bytes": crossed}, "witness": witness})


def _checked(request: Request) -> TrainingRun:
    if not isinstance(request.workload, Training):
        raise UnsupportedWorkload(f"this program runs training, not {request.workload.kind}")
    return TrainingRun.of(request.workload, request.seed)


def set_up(folder: Path, weights: Mapping[str, Path] | None = None, device: str = "cpu") -> Runner:
    """Import all that runs need, without starting a thread: a fork must not inherit the locks of threads."""
    import accelerate  # noqa: F401
    import deepspeed.ops
    import deepspeed.runtime.zero.muon.muon_optimizer
    import transformers  # noqa: F401

    import llm_claims.workloads.training.finetune  # noqa: F401

    # DeepSpeed would compile its operators for processors on first use. One of them transfers messages between ranks
    # on one machine through shared memory, and so past the link.
    deepspeed.ops.__compatible_ops__ = {}
    # Exempt what is imported from garbage collection, which would touch, and so copy, its pages in every fork.
    gc.collect()
    gc.freeze()
    return TrainingProgram(folder, weights, device).run


def prepare_environment(folder: Path, device: str) -> None:
    """Set the environment of the libraries; call it before they are imported, when they read much of it.

    Files that they would leave in temporary folders, or in the user's home, go to ``folder``.
    """
    for name in list(os.environ):
        if name in _FOREIGN or name.startswith(_FOREIGN_PREFIXES):
            del os.environ[name]
    os.environ["DS_ACCELERATOR"] = device
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the Trainer would use any GPU that it finds
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
    """Answer requests for `Training` until the caller ends; return the exit status."""
    asked = command_line().parse_args()
    device, weights = str(asked.device), checkpoints(asked)
    packages = PACKAGES_ON_PROCESSOR if device == "cpu" else PACKAGES
    die_when_interrupted()
    janitor = Janitor()
    try:
        try:
            folder = janitor.new_folder("llm-claims-train-")
        except OSError as error:
            raise SystemExit(f"no temporary folder can be made: {error}") from None
        prepare_environment(folder, device)
        return serve_prepared(Training, lambda: set_up(folder, weights, device), packages, device)
    finally:
        janitor.close()


if __name__ == "__main__":
    raise SystemExit(main())
