"""Loss: how it is logged, and what precision, ZeRO stage, warm-up and new tokens do to it."""

from __future__ import annotations

from functools import partial

import pytest

from llm_claims import Setting, Training, claim, equal, every, increasing, less, ratio, settings, similar, unequal

from .averages import mean, running_means, window_means
from .margins import LEAST_NAMED_DIFFERENCE

Tuning = partial(Training, initial_weights="pretrained")
"""Losses say something of weights that have learned something: a source may measure speeds without."""
SEED = 500
"""The document's."""
RUNS = settings(
    Setting("zero1-bf16", precision="bf16", zero_stage=1),
    Setting("zero1-fp16", precision="fp16", zero_stage=1),
    Setting("zero3-fp16", precision="fp16", zero_stage=3),
    Setting("zero3-bf16", precision="bf16", zero_stage=3),
)
BY_STAGE = settings(Setting("zero1", zero_stage=1), Setting("zero3", zero_stage=3))
SEEDS = 8
"""Runs of a comparison that hangs on what is drawn at random."""
BY_PRECISION = pytest.mark.parametrize("precision", ["bf16", "fp16"])


@claim("train-seed-repeatable", place="A, prerequisite")
def test_equal_seeds_give_equal_losses(measure, judge):
    run, again, other = (measure(Tuning(seed=seed, repetition=n)) for seed, n in ((SEED, 1), (SEED, 2), (SEED + 1, 1)))
    judge(every(equal(run.step_losses, again.step_losses), unequal(run.step_losses, other.step_losses)))


@claim("train-log-loss-is-window-mean", place="A, tip A")
def test_logged_loss_is_the_mean_since_the_last_log(measure, judge):
    run = measure(Tuning(seed=SEED))
    judge(every(equal(run.logged_losses, window_means(run)), equal(run.train_loss, mean(run))))


@claim("train-log-loss-below-train-loss", place="A, tip A")
@RUNS
def test_last_logged_loss_says_little_about_train_loss(measure, judge, setting):
    run = measure(Tuning(), setting)
    judge(less(run.last_logged_loss, run.train_loss))


@claim("train-keras-loss-is-running-mean", place="A, tip A")
def test_keras_logs_the_mean_of_all_steps_so_far(measure, judge):
    keras = measure(Tuning(logger="keras", seed=SEED))
    trainer = measure(Tuning(logger="hf-trainer", seed=SEED))
    judge(
        every(
            equal(keras.logged_losses, running_means(keras)),
            unequal(trainer.logged_losses, running_means(trainer)),
        )
    )


@claim("train-loss-bf16-below-fp16", place="A, tip B")
@BY_STAGE
def test_bf16_ends_with_a_lower_train_loss(measure, judge, setting):
    bf16 = measure(Tuning(precision="bf16"), setting)
    fp16 = measure(Tuning(precision="fp16"), setting)
    judge(less(bf16.train_loss, fp16.train_loss, by=LEAST_NAMED_DIFFERENCE))


@claim("train-fp16-gap-is-skipped-steps", place="A, runs")
@BY_STAGE
def test_fp16_gap_is_made_early_and_gone_at_the_end(measure, judge, setting):
    bf16 = measure(Tuning(precision="bf16"), setting)
    fp16 = measure(Tuning(precision="fp16"), setting)
    judge(
        every(
            ratio(fp16.train_loss, over=bf16.train_loss, documented=2.3, by=LEAST_NAMED_DIFFERENCE),
            similar(bf16.last_logged_loss, fp16.last_logged_loss, within=LEAST_NAMED_DIFFERENCE),
        )
    )


@claim("train-fp16-gap-is-skipped-steps", place="A, runs")
def test_fp16_gap_grows_with_the_steps_that_an_initial_loss_scale_skips(measure, judge):
    bf16 = measure(Tuning(precision="bf16"))
    small, larger, largest = (measure(Tuning(precision="fp16", initial_loss_scale=2.0**power)) for power in (8, 20, 24))
    judge(
        every(
            equal(small.skipped_optimizer_steps, 0),
            similar(bf16.train_loss, small.train_loss, within=LEAST_NAMED_DIFFERENCE),
            increasing(small.train_loss, larger.train_loss, largest.train_loss),
            increasing(larger.skipped_optimizer_steps, largest.skipped_optimizer_steps),
        )
    )


@claim("train-loss-zero1-similar-to-zero3", place="A, tip C")
@BY_PRECISION
def test_zero_stage_does_not_change_the_loss(measure, judge, precision):
    zero1 = measure(Tuning(zero_stage=1, precision=precision))
    zero3 = measure(Tuning(zero_stage=3, precision=precision))
    judge(similar(zero1.train_loss, zero3.train_loss, within=LEAST_NAMED_DIFFERENCE))


@claim("train-new-token-random-init-converges-faster", place="A, tip F")
def test_random_initialisation_of_new_tokens_converges_faster(measure, judge):
    random = measure(Tuning(new_token_init="random"))
    pooled = measure(Tuning(new_token_init="mean"))
    judge(less(random.train_loss, pooled.train_loss), seeds=SEEDS)


@claim("train-warmup-needed", place="A, aims")
@pytest.mark.parametrize("metric", ["train_loss", "highest_step_loss"], ids=["train-loss", "spike"])
@pytest.mark.parametrize("rate", [0.1, 1, 10, 100], ids=["tenth-of-rate", "rate", "tenfold-rate", "hundredfold-rate"])
def test_warmup_lowers_the_train_loss_and_prevents_a_spike(measure, judge, rate, metric):
    peak = rate * measure(Tuning()).workload.learning_rate
    warm = measure(Tuning(learning_rate=peak))
    cold = measure(Tuning(learning_rate=peak, warmup_steps=0))
    judge(less(getattr(warm, metric), getattr(cold, metric)), seeds=SEEDS)


@claim("train-bf16-over-fp16-on-a100", place="A, aims")
@pytest.mark.parametrize("part", ["loss", "speed", "overflow"])
@BY_STAGE
def test_bf16_is_as_fast_and_more_stable(measure, judge, setting, part):
    if part == "loss":
        bf16, fp16 = (measure(Tuning(precision=precision), setting) for precision in ("bf16", "fp16"))
        judge(less(bf16.train_loss, fp16.train_loss, by=LEAST_NAMED_DIFFERENCE))
    elif part == "speed":
        bf16, fp16 = (
            measure(Training(precision=precision, parallelism="deepspeed"), setting) for precision in ("bf16", "fp16")
        )
        judge(similar(bf16.step_seconds, fp16.step_seconds, within=LEAST_NAMED_DIFFERENCE))
    else:
        bf16 = measure(Tuning(precision="bf16"), setting)
        fp16 = measure(Tuning(precision="fp16", initial_loss_scale=2.0**16), setting)
        judge(every(unequal(fp16.skipped_optimizer_steps, 0), equal(bf16.skipped_optimizer_steps, 0)))
