"""The log of a run: one entry a step, whatever the Trainer is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from warm import inside


class FakeTrainer:
    """What the log looks at in a Trainer."""

    def __init__(self, scales: list[float] | None = None, deepspeed: Any = None) -> None:
        self.deepspeed = deepspeed
        self.args = SimpleNamespace(
            gradient_accumulation_steps=1,
            device=SimpleNamespace(type="cpu"),
            fp16=scales is not None or deepspeed is not None,
        )
        scaler = None if scales is None else SimpleNamespace(get_scale=lambda: scales.pop(0))
        self.accelerator = SimpleNamespace(scaler=scaler, optimizer_step_was_skipped=False)
        self.optimizer = SimpleNamespace(param_groups=[{"lr": 0.0, "initial_lr": 0.4}])
        self.callback_handler = SimpleNamespace(callbacks=[])

    def add_callback(self, callback: object) -> None:
        self.callback_handler.callbacks.append(callback)


def logged(trainer: FakeTrainer, steps: list[tuple[list[float], float, bool]]) -> Any:
    """The log of a run whose steps had these micro-batch losses and this rate, and were skipped or not."""
    import torch

    from llm_claims.workloads.training.run_log import RunLog

    log, observer = RunLog(looks_at_weights=False), SimpleNamespace(forwards=0)
    log.watch(trainer, observer)  # type: ignore[arg-type]
    for losses, rate, skipped in steps:
        for loss in losses:
            observer.forwards += 1
            log.on_micro_step(torch.tensor(loss))
        trainer.optimizer.param_groups[0]["lr"] = rate
        log.on_pre_optimizer_step(None, None, None)
        trainer.accelerator.optimizer_step_was_skipped = skipped
        log.on_step_end(trainer.args, None, None)
    return log


STEPS = [([1.0, 2.0], 0.0, True), ([1.5, 2.5], 0.0, False), ([3.0], 0.1, False)]


@inside
def test_each_step_has_its_entry() -> None:
    log = logged(FakeTrainer(), STEPS)
    assert log.step_losses() == [3.0, 4.0, 3.0]
    assert log.learning_rates == [0.0, 0.0, 0.1]
    assert log.skipped == [True, False, False]
    assert log.forwards == [2, 4, 5]
    assert log.step_ends == sorted(log.step_ends)
    assert (log.loss_scales, log.bar) == ([], {})


@pytest.mark.parametrize(
    ("rates", "skipped", "schedule"),
    [
        ([0.0, 0.1, 0.2, 0.3, 0.4, 0.4], 0, (0.4, 4)),
        ([0.0, 0.0, 0.0, 0.1, 0.2, 0.3, 0.4], 2, (0.4, 4)),
        ([0.4, 0.4], 0, (0.4, 0)),
        ([0.4, 0.4], 2, (0.4, 0)),
        ([0.0, 0.1, 0.2], 0, (0.2, 2)),
        ([0.0, 0.0, 0.0, 0.1, 0.2], 2, (0.4, 4)),
        ([0.0, 0.1, 0.2, 0.2, 0.3], 1, (0.4, 4)),
        ([0.0, 0.0], 2, (0.0, 0)),
        ([0.0, 0.0, 0.1], 1, (0.1, 1)),
    ],
    ids=["whole", "skipped", "none", "none-skipped", "too-short", "cut", "cut-later", "all-skipped", "too-few-skipped"],
)
@inside
def test_the_schedule_is_told_as_far_as_it_was_seen(
    rates: list[float], skipped: int, schedule: tuple[float, int]
) -> None:
    """Only as many steps as were skipped excuse a run that ends on the way up."""
    log = logged(FakeTrainer(), [([1.0], rate, number < skipped) for number, rate in enumerate(rates)])
    assert log.schedule() == schedule


@inside
def test_the_scale_of_a_step_is_the_one_it_was_taken_with() -> None:
    assert logged(FakeTrainer(scales=[8.0, 4.0, 4.0]), STEPS).loss_scales == [8.0, 4.0, 4.0]


@pytest.mark.parametrize(("fp16", "scales"), [(True, [8.0] * 3), (False, [])])
@inside
def test_deepspeed_keeps_its_own_scale(fp16: bool, scales: list[float]) -> None:
    trainer = FakeTrainer(deepspeed=SimpleNamespace(optimizer=SimpleNamespace(loss_scale=8.0)))
    trainer.args.fp16 = fp16  # without fp16 it has one too, that scales nothing
    assert logged(trainer, STEPS).loss_scales == scales


@inside
def test_the_bar_is_kept_as_it_stood_at_the_last_step() -> None:
    trainer = FakeTrainer()
    bar = {"rate": None, "elapsed": 0.5, "n": 3}
    trainer.add_callback(SimpleNamespace(training_bar=SimpleNamespace(format_dict=bar)))
    log = logged(trainer, STEPS)
    bar["n"] = 4
    assert log.bar["n"] == 3


@inside
def test_one_rank_is_its_own_mean() -> None:
    import torch

    from llm_claims.workloads.training.run_log import mean_over_ranks

    mean = mean_over_ranks(torch.tensor([0.1, 2.0]))
    assert mean.dtype == torch.float64
    assert mean.tolist() == pytest.approx([0.1, 2.0])
