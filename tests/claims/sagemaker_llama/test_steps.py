"""Training arithmetic: what a run's size, rates and schedule must add up to."""

from __future__ import annotations

import math

import pytest

from llm_claims import Setting, Training, claim, equal, every, known, less, observed, settings, similar

from .margins import REPEATED_RATE

SEED = 500
"""The document's."""


def runs(suffix=""):
    """The document's four runs, bf16 with ZeRO-1 first."""
    order = ((1, "bf16"), (1, "fp16"), (3, "fp16"), (3, "bf16"))
    return settings(*(Setting(f"zero{z}-{p}{suffix}", precision=p, zero_stage=z) for z, p in order))


RUNS = runs()


@claim("train-step-arithmetic", place="A, context")
@RUNS
def test_global_batch_and_steps_follow_from_the_configuration(measure, judge, setting):
    run = measure(Training(initial_weights="pretrained"), setting)
    size = run.workload
    global_batch = size.ranks * size.micro_batch * size.gradient_accumulation
    micro_steps = math.ceil(size.samples / (size.ranks * size.micro_batch))
    steps = micro_steps // size.gradient_accumulation
    judge(
        every(
            equal(run.global_batch_samples, global_batch),
            equal(run.optimizer_steps, steps),
            equal(run.last_epoch, steps * size.gradient_accumulation / micro_steps),
            equal(run.last_logged_epoch, run.last_logged_step * size.gradient_accumulation / micro_steps),
        )
    )


@claim("train-throughput-arithmetic", place="A, runs")
@RUNS
def test_reported_rates_follow_from_samples_steps_and_runtime(measure, judge, setting):
    run = measure(Training(seed=SEED, initial_weights="pretrained"), setting)
    judge(
        every(
            equal(run.train_samples_per_second, known(run.workload.samples, "samples") / run.train_runtime_seconds),
            equal(run.train_steps_per_second, run.optimizer_steps / run.train_runtime_seconds),
            equal(run.elapsed_seconds, run.train_runtime_seconds),
        )
    )


@claim("train-throughput-arithmetic", place="A, runs")
@runs("-recent")
def test_recent_step_time_stands_for_the_whole_run(measure, judge, setting):
    # A run of seconds is all start and end: the claim is about runs as long as the document's.
    run = measure(Training(), setting, on="p4d.24xlarge")
    judge(similar(run.recent_step_seconds * run.optimizer_steps, run.train_runtime_seconds, within=REPEATED_RATE))


@claim("train-schedule-holds-after-warmup", place="A, runs")
@RUNS
def test_learning_rate_stays_at_its_peak_after_warmup(measure, judge, setting):
    run = measure(Training(initial_weights="pretrained"), setting)
    size = run.workload
    peak = known(size.learning_rate)
    left = run.optimizer_steps - run.last_logged_step
    decayed = left / (run.optimizer_steps - known(size.warmup_steps, "steps")) * peak
    judge(every(equal(run.last_logged_learning_rate, peak), less(decayed, run.last_logged_learning_rate)))


@claim("train-smp-speed", place="A, aims")
@pytest.mark.parametrize("zero_stage", [1, 3], ids=["zero1", "zero3"])
def test_model_parallelism_speed_beside_deepspeed(measure, judge, zero_stage):
    smp = measure(Training(parallelism="smp", precision="bf16"))
    deepspeed = measure(Training(parallelism="deepspeed", zero_stage=zero_stage, precision="bf16"))
    judge(observed(smp.step_seconds, over=deepspeed.step_seconds))
