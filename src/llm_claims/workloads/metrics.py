"""The metrics that evidence may carry: one name, one unit, everywhere."""

from __future__ import annotations

from typing import Literal

Unit = Literal[
    "s",
    "s/step",
    "steps/s",
    "samples/s",
    "prompts/s",
    "tokens",
    "steps",
    "samples",
    "prompts",
    "epochs",
    "nats",
    "1/step",
    "USD/h",
    "USD",
    "bytes",
    "bytes/s",
    "flop/s",
    "ratio",
    "share",
    "1",
]

DURATIONS: frozenset[str] = frozenset({"s", "s/step"})

METRICS: dict[str, Unit] = {
    # training
    "train_loss": "nats",
    "last_logged_loss": "nats",
    "step_losses": "nats",
    "logged_losses": "nats",
    "logging_steps": "steps",
    "train_runtime_seconds": "s",
    "train_samples_per_second": "samples/s",
    "train_steps_per_second": "steps/s",
    "recent_step_seconds": "s/step",
    "elapsed_seconds": "s",
    "step_seconds": "s/step",
    "optimizer_steps": "steps",
    "global_batch_samples": "samples",
    "last_epoch": "epochs",
    "last_logged_epoch": "epochs",
    "last_logged_step": "steps",
    "last_logged_learning_rate": "1",
    "skipped_optimizer_steps": "steps",
    "rdma_speedup": "ratio",
    "highest_step_loss": "nats",
    "link_bytes": "bytes",
    # beside the device's own ceiling
    "matrix_flops_per_second": "flop/s",
    "model_flops_utilisation": "share",
    "copy_bandwidth_bytes_per_second": "bytes/s",
    "bandwidth_bound_share": "share",
    "peak_device_memory_bytes": "bytes",
    # of one optimizer step that was watched on the device itself
    "watched_step_seconds": "s/step",
    "compute_share": "share",
    "communication_share": "share",
    "exposed_communication_share": "share",
    # serving
    "latency_seconds": "s",
    "latency_seconds_in_text": "s",
    "throughput_prompts_per_second": "prompts/s",
    "new_tokens_per_sequence": "tokens",
    "largest_forward_batch": "prompts",
    # loading
    "peak_host_memory_bytes": "bytes",
}

DERIVED: dict[str, tuple[str, str]] = {
    # metric: (numerator, denominator); used only where a source did not measure the metric itself
    "step_seconds": ("train_runtime_seconds", "optimizer_steps"),
}

OF_A_WATCHED_STEP: frozenset[str] = frozenset(
    {"watched_step_seconds", "compute_share", "communication_share", "exposed_communication_share"}
)
"""Metrics of a step beside those that are timed, which may see nothing; they stay where every round has them."""

SERIES: frozenset[str] = frozenset({"step_losses", "logged_losses"})
"""Metrics of several numbers a run: one a step, or one a log."""

FROM_THE_SEED: frozenset[str] = frozenset(
    {"train_loss", "last_logged_loss", "last_logged_learning_rate", "highest_step_loss", "skipped_optimizer_steps"}
)
"""Metrics that follow from the seed: another round is another seed, a stated seed leaves nothing to vary."""

_OF_NOISE: frozenset[Unit] = frozenset({"s", "s/step", "bytes", "bytes/s", "flop/s", "share"})
NOISY: frozenset[str] = frozenset(name for name, unit in METRICS.items() if unit in _OF_NOISE)
"""Metrics that vary from run to run, whatever is fixed. What is neither noisy nor from the seed is a count."""

TIMED: frozenset[str] = frozenset(
    name for name, unit in METRICS.items() if unit in {"s", "s/step", "share"} or unit.endswith("/s")
)
"""Metrics that anything else on the machine disturbs: who measures one needs the machine alone."""
