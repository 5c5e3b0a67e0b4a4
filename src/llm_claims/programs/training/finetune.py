"""One rank of one training run: the Hugging Face Trainer, configured by the workload and watched while it works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import TrainerState, enable_full_determinism

from llm_claims.programs.protocol import Answer, Figure, Printed
from llm_claims.programs.training.base_model import load_with_new_tokens
from llm_claims.programs.training.corpus import records, token_blocks
from llm_claims.programs.training.observer import ModelObserver, observed_init
from llm_claims.programs.training.run import TrainingRun
from llm_claims.programs.training.run_log import RunLog
from llm_claims.programs.training.trainers import LOGGING_STEPS, WatchedTrainer, training_arguments
from llm_claims.witness import Witness

# What the Trainer rounds its rates and runtimes to (transformers.trainer_utils.speed_metrics).
_RUNTIME_DIGIT = 1e-4
_RATE_DIGIT = 1e-3
# The bar shows whole seconds, and is drawn anew every tenth of a second at most (tqdm's mininterval).
_BAR_DIGIT = 1.1


def finetune(run: TrainingRun, base: Path, scratch: Path) -> Answer:
    """Train once; all randomness comes from the run's seed. Every rank returns what it saw itself."""
    torch.set_num_threads(1)
    enable_full_determinism(run.seed)
    model, tokenizer = load_with_new_tokens(base, run.new_token_init, run.seed)
    blocks = token_blocks(records(run.seed), tokenizer, run.samples, run.context_tokens)
    weights = sum(one.numel() for one in model.parameters())
    seen_init = observed_init(model)
    observer, log = ModelObserver(model), RunLog()
    trainer = WatchedTrainer(
        log,
        run.initial_loss_scale,
        model=model,
        args=training_arguments(run, scratch, weights),
        train_dataset=[{"input_ids": block, "labels": block} for block in blocks],
    )
    log.watch(trainer, observer)
    output = trainer.train()
    metrics = {**_of_log(trainer.state, output.metrics), **_of_steps(log)}
    witness = _witness(trainer, observer, log).model_copy(
        update={"model": base.name, "parameters": weights, "new_token_init": seen_init}
    )
    metrics["global_batch_samples"] = (witness.ranks or 0) * (witness.micro_batch or 0) * log.forwards[0]
    return Answer(metrics=metrics, witness=witness)


def _of_log(state: TrainerState, said: dict[str, float]) -> dict[str, Figure]:
    """What the Trainer itself reports of the run."""
    logged = [entry for entry in state.log_history if "loss" in entry]
    return {
        **(_of_last(logged) if logged else {}),
        "train_loss": said["train_loss"],
        "optimizer_steps": state.global_step,
        "last_epoch": state.epoch or 0.0,
        "train_runtime_seconds": Printed(value=said["train_runtime"], resolution=_RUNTIME_DIGIT),
        "train_samples_per_second": Printed(value=said["train_samples_per_second"], resolution=_RATE_DIGIT),
        "train_steps_per_second": Printed(value=said["train_steps_per_second"], resolution=_RATE_DIGIT),
    }


def _of_last(logged: list[dict[str, float]]) -> dict[str, Figure]:
    last = logged[-1]
    return {
        "logging_steps": LOGGING_STEPS,
        "logged_losses": tuple(entry["loss"] for entry in logged),
        "last_logged_loss": last["loss"],
        "last_logged_step": last["step"],
        "last_logged_epoch": last["epoch"],
        "last_logged_learning_rate": last["learning_rate"],
    }


def _of_steps(log: RunLog) -> dict[str, Figure]:
    """What was seen of the steps; the first is left out of their time, since it pays for what comes once."""
    losses = log.step_losses()
    found: dict[str, Figure] = {
        "step_losses": tuple(losses),
        "highest_step_loss": max(losses),
        "skipped_optimizer_steps": sum(log.skipped),
    }
    if (timed := len(log.step_ends) - 1) > 0:
        found["step_seconds"] = (log.step_ends[-1] - log.step_ends[0]) / timed
    if log.bar:
        # Until the bar has been drawn anew it shows the mean (tqdm's format_meter).
        rate = log.bar["rate"] or log.bar["n"] / log.bar["elapsed"]
        found["recent_step_seconds"] = 1 / rate
        found["elapsed_seconds"] = Printed(value=float(int(log.bar["elapsed"])), resolution=_BAR_DIGIT, rounding="down")
    return found


def _witness(trainer: WatchedTrainer, observer: ModelObserver, log: RunLog) -> Witness:
    ranks = torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1
    peak = max(log.learning_rates)
    first_step_forwards = log.forwards[0]
    return Witness(
        device=observer.device,
        threads=torch.get_num_threads(),
        logger="hf-trainer",
        parallelism=log.parallelism,
        forward_dtypes=observer.forward_dtypes,
        zero_stage=log.zero_stage,
        ranks=ranks,
        samples=_distinct_over_ranks(observer.samples),
        context_tokens=observer.context_tokens,
        micro_batch=observer.micro_batch,
        gradient_accumulation=first_step_forwards,
        gradient_checkpointing=observer.gradient_checkpointing,
        learning_rate=peak or None,
        # A skipped step does not move the schedule, so a rate may come twice.
        warmup_steps=len({rate for rate in log.learning_rates if rate < peak}),
        initial_loss_scale=log.loss_scales[0] if log.loss_scales else None,
        transport=torch.distributed.get_backend() if torch.distributed.is_initialized() else None,
    )


def _distinct_over_ranks(samples: set[bytes]) -> int:
    if not torch.distributed.is_initialized():
        return len(samples)
    of_ranks: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(of_ranks, samples)
    return len(set().union(*of_ranks))
