"""One rank of one training run: configure the Hugging Face Trainer as the workload says, and observe it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerState, enable_full_determinism, set_seed

from llm_claims.workloads.clock import clock
from llm_claims.workloads.llm.ceilings import matrix_flops_per_second
from llm_claims.workloads.llm.gpu import own_device, see_one_device
from llm_claims.workloads.llm.precision import DTYPES
from llm_claims.workloads.llm.shapes import LARGE, training_flops_per_token
from llm_claims.workloads.protocol import Answer, Figure, Printed
from llm_claims.workloads.training import nccl, real_text
from llm_claims.workloads.training.base_model import load_with_new_tokens, model_in
from llm_claims.workloads.training.corpus import records, token_blocks
from llm_claims.workloads.training.kernels import profiled_step
from llm_claims.workloads.training.observer import ModelObserver, observed_init, observed_weights
from llm_claims.workloads.training.run import TrainingRun
from llm_claims.workloads.training.run_log import RunLog
from llm_claims.workloads.training.trainers import LOGGING_STEPS, WatchedTrainer, training_arguments
from llm_claims.workloads.training.workload import TrainingWitness

# The Trainer rounds runtimes and rates to these digits (transformers.trainer_utils.speed_metrics).
_RUNTIME_DIGIT = 1e-4
_RATE_DIGIT = 1e-3
# The progress bar shows whole seconds, and is redrawn at most every tenth of a second (tqdm's mininterval).
_BAR_DIGIT = 1.1
# The precisions that the Trainer can be asked for, by accelerate's names.
_ASKED = {"no": "fp32", "bf16": "bf16", "fp16": "fp16"}


def finetune(run: TrainingRun, base: Path, scratch: Path) -> Answer:
    """Train once; all randomness comes from the run's seed. Every rank returns its own observations."""
    torch.set_num_threads(1)
    if run.ranks == 1:
        see_one_device()
    nccl.request_transport(run.transport, scratch)
    _set_seed(run)
    ceiling = _matrix_rate(run)
    model, tokenizer = load_with_new_tokens(base, run.new_token_init, run.seed, run.precision)
    blocks = _samples(run, base, tokenizer)
    weights = sum(one.numel() for one in model.parameters())
    seen_at_start = {"new_token_init": observed_init(model), "initial_weights": observed_weights(model)}
    observer = ModelObserver(model)
    log = RunLog(looks_at_weights=run.initial_weights == "pretrained" and run.model not in LARGE)
    trainer = WatchedTrainer(
        log,
        run.initial_loss_scale,
        model=model,
        args=training_arguments(run, scratch, weights),
        train_dataset=[{"input_ids": block, "labels": block} for block in blocks],
    )
    log.watch(trainer, observer)
    output = trainer.train()
    clock.begin("rest")
    _check_no_step_skipped(run, log)
    metrics = {
        **_reported_metrics(trainer.state, output.metrics),
        **_step_metrics(log),
        **_device_metrics(run, log, ceiling),
    }
    witness = _witness(trainer, observer, log).model_copy(
        update={
            "model": model_in(base),
            "parameters": weights,
            "transport": _transport(scratch),
            **seen_at_start,
        }
    )
    metrics |= _widths(observer, log)
    metrics["global_batch_samples"] = (witness.ranks or 0) * (witness.micro_batch or 0) * log.forwards[0]
    if torch.cuda.is_available() and run.parallelism == "deepspeed" and run.initial_weights == "random":
        metrics |= profiled_step(trainer)
    return Answer(metrics=metrics, witness=witness)


def _samples(run: TrainingRun, base: Path, tokenizer: Any) -> Sequence[Sequence[int]]:
    if run.weights is not None:
        return real_text.blocks(base, run.seed, run.samples, run.context_tokens)  # type: ignore[return-value]
    return token_blocks(records(run.seed), tokenizer, run.samples, run.context_tokens)


def _set_seed(run: TrainingRun) -> None:
    """Seed all random generators; if losses are compared, use deterministic kernels too.

    Deterministic kernels, and filling memory before its use, double the time of a step at 7B. Runs with random
    initial weights are used only for their speed, so they do without, as training usually does. So do those from a
    checkpoint on GPUs: their losses are compared over seeds, which differ more than kernels do; unless a claim states
    the seed.
    """
    from_checkpoint = run.weights is not None and torch.cuda.is_available() and not run.seed_is_stated
    if run.initial_weights == "random" or from_checkpoint:
        set_seed(run.seed)
    else:
        enable_full_determinism(run.seed)


def _check_no_step_skipped(run: TrainingRun, log: RunLog) -> None:
    """Raise if a run that is used only for its speed skipped a step, since skipped steps are shorter.

    Raises
    ------
    RuntimeError
        A step overflowed at this loss scale and was skipped.
    """
    if run.initial_weights == "random" and any(log.skipped):
        skipped = f"{sum(log.skipped)} of {len(log.skipped)}"
        raise RuntimeError(
            f"{skipped} optimizer steps were skipped at loss scale {run.initial_loss_scale}, so step times are wrong"
        )


def _matrix_rate(run: TrainingRun) -> float | None:
    """Measure this GPU's rate of matrix products before training, in flop/s; ``None`` on a CPU or for small models."""
    if not torch.cuda.is_available() or run.model not in LARGE:
        return None
    device = own_device()
    torch.cuda.set_device(device)
    rate = matrix_flops_per_second(device, getattr(torch, DTYPES[run.precision]))
    torch.cuda.empty_cache()
    return rate


def _device_metrics(run: TrainingRun, log: RunLog, ceiling: float | None) -> dict[str, Figure]:
    """Return peak device memory and, if ``ceiling`` is known, model FLOPs utilisation (PaLM, 2022, appendix B)."""
    found: dict[str, Figure] = {}
    if torch.cuda.is_available():
        found["peak_device_memory_bytes"] = float(torch.cuda.max_memory_allocated())
    if ceiling is not None and (seconds := _step_seconds(log)) is not None:
        tokens = run.micro_batch * run.gradient_accumulation * run.context_tokens
        flops = tokens * training_flops_per_token(run.model, run.context_tokens)
        found |= {"matrix_flops_per_second": ceiling, "model_flops_utilisation": flops / seconds / ceiling}
    return found


def _transport(scratch: Path) -> str | None:
    """Return what carried messages between ranks, from the NCCL logs of all ranks; else the backend's name."""
    if not torch.distributed.is_initialized():
        return None
    of_ranks: list[Any] = [None] * torch.distributed.get_world_size()
    # Of all ranks, because only some have channels to other machines.
    torch.distributed.all_gather_object(of_ranks, nccl.seen(scratch))
    return "+".join(sorted(set().union(*of_ranks))) or torch.distributed.get_backend()


def _reported_metrics(state: TrainerState, said: dict[str, float]) -> dict[str, Figure]:
    """Return the metrics that the Trainer itself reports."""
    logged = [entry for entry in state.log_history if "loss" in entry]
    return {
        **(_last_logged_metrics(logged) if logged else {}),
        "train_loss": said["train_loss"],
        "optimizer_steps": state.global_step,
        "last_epoch": state.epoch or 0.0,
        "train_runtime_seconds": Printed(value=said["train_runtime"], resolution=_RUNTIME_DIGIT),
        "train_samples_per_second": Printed(value=said["train_samples_per_second"], resolution=_RATE_DIGIT),
        "train_steps_per_second": Printed(value=said["train_steps_per_second"], resolution=_RATE_DIGIT),
    }


def _last_logged_metrics(logged: list[dict[str, float]]) -> dict[str, Figure]:
    last = logged[-1]
    norms = [float(entry.get("grad_norm", math.nan)) for entry in logged]
    return {
        "logging_steps": LOGGING_STEPS,
        "logged_losses": tuple(entry["loss"] for entry in logged),
        **({"logged_gradient_norms": tuple(norms)} if all(map(math.isfinite, norms)) else {}),
        "last_logged_loss": last["loss"],
        "last_logged_step": last["step"],
        "last_logged_epoch": last["epoch"],
        "last_logged_learning_rate": last["learning_rate"],
    }


def _step_metrics(log: RunLog) -> dict[str, Figure]:
    """Return the metrics of optimizer steps; the first is left out of step times, since it has one-time costs."""
    losses = log.step_losses()
    found: dict[str, Figure] = {
        **({"loss_scales": tuple(log.loss_scales)} if log.loss_scales else {}),
        **({"changed_weights": tuple(log.changed_weights)} if log.changed_weights else {}),
        "step_losses": tuple(losses),
        "highest_step_loss": max(losses),
        "skipped_optimizer_steps": sum(log.skipped),
    }
    if (seconds := _step_seconds(log)) is not None:
        found["step_seconds"] = seconds
    if log.bar:
        # Without a recent rate, the bar shows the mean (tqdm's format_meter).
        rate = log.bar["rate"] or log.bar["n"] / log.bar["elapsed"]
        found["recent_step_seconds"] = 1 / rate
        found["elapsed_seconds"] = Printed(value=float(int(log.bar["elapsed"])), resolution=_BAR_DIGIT, rounding="down")
    return found


def _widths(observer: ModelObserver, log: RunLog) -> dict[str, Figure]:
    """Return the bits of the narrowest matrix product, of the sums of gradients, and of what holds their values."""
    found: dict[str, Figure] = {"forward_bits": min(map(_bits, observer.forward_dtypes))}
    if log.grad_accum_dtype is not None:
        found["sum_bits"] = _bits(DTYPES[log.grad_accum_dtype])
    if log.gradient_dtype is not None:
        found["gradient_bits"] = _bits(DTYPES[log.gradient_dtype])
    return found


def _bits(dtype: str) -> int:
    return torch.finfo(getattr(torch, dtype)).bits


def _step_seconds(log: RunLog) -> float | None:
    timed = len(log.step_ends) - 1
    return (log.step_ends[-1] - log.step_ends[0]) / timed if timed > 0 else None


def _witness(trainer: WatchedTrainer, observer: ModelObserver, log: RunLog) -> TrainingWitness:
    ranks = torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1
    peak, warmup_steps = log.schedule()
    first_step_forwards = log.forwards[0]
    return TrainingWitness(
        device=observer.device,
        threads=torch.get_num_threads(),
        deterministic=torch.are_deterministic_algorithms_enabled(),
        logger="hf-trainer",
        parallelism=log.parallelism,
        forward_dtypes=observer.forward_dtypes,
        asked_precision=_ASKED.get(trainer.accelerator.mixed_precision),
        precision_by="program" if trainer.scales_losses else "trainer",
        grad_accum_dtype=log.grad_accum_dtype,
        zero_stage=log.zero_stage,
        ranks=ranks,
        samples=_distinct_over_ranks(observer.samples),
        context_tokens=observer.context_tokens,
        micro_batch=observer.micro_batch,
        gradient_accumulation=first_step_forwards,
        gradient_checkpointing=observer.gradient_checkpointing,
        learning_rate=peak or None,
        warmup_steps=warmup_steps,
        initial_loss_scale=log.loss_scales[0] if log.loss_scales else None,
    )


def _distinct_over_ranks(samples: set[bytes]) -> int:
    if not torch.distributed.is_initialized():
        return len(samples)
    of_ranks: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(of_ranks, samples)
    return len(set().union(*of_ranks))
