"""The log of one training run: observations of every optimizer step."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback

from llm_claims.workloads.clock import clock
from llm_claims.workloads.llm.precision import PRECISIONS
from llm_claims.workloads.training.observer import (
    ModelObserver,
    accumulator_of,
    narrowest_dtype,
    observed_parallelism,
    observed_stage,
    parts_of_weights,
)

if TYPE_CHECKING:
    from transformers import Trainer


class RunLog(TrainerCallback):
    """Records for each optimizer step the losses of its micro-batches, learning rate, loss scale, if skipped, and end.

    ``bar`` is the state of the progress bar after the last step, with its elapsed seconds and its rate in steps/s.
    ``changed_weights`` are the shares of the weights whose copy in low precision a step changed, of the part that this
    rank holds; only of a log that ``looks_at_weights``.
    """

    def __init__(self, *, looks_at_weights: bool) -> None:
        self.micro_losses: list[list[torch.Tensor]] = [[]]
        self.learning_rates: list[float] = []
        self.full_rate = 0.0
        self.loss_scales: list[float] = []
        self.skipped: list[bool] = []
        self.step_ends: list[float] = []
        self.forwards: list[int] = []
        self.bar: dict[str, Any] = {}
        self.zero_stage: int | None = None
        self.parallelism: str | None = None
        self.grad_accum_dtype: str | None = None
        self.gradient_dtype: str | None = None
        self.changed_weights: list[float] = []
        self._looks_at_weights = looks_at_weights
        self._copies: list[torch.Tensor] = []

    def watch(self, trainer: Trainer, observer: ModelObserver) -> None:
        """Observe ``trainer``; ``observer`` observes its model."""
        self._trainer, self._observer = trainer, observer
        trainer.add_callback(self)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Record parallelism and ZeRO stage, when model and optimizer have been wrapped."""
        trainer = self._trainer
        wrapped = trainer.deepspeed or trainer.model_wrapped
        self.parallelism = observed_parallelism(wrapped, args.world_size)
        optimizer = wrapped.optimizer if trainer.deepspeed else trainer.optimizer
        self.zero_stage = observed_stage(trainer.model, optimizer, args.world_size)
        if trainer.deepspeed:
            self._look_before_each_step_of(optimizer)
        clock.begin("compiling")  # the first step, which has one-time costs, and which step times leave out

    def _look_before_each_step_of(self, optimizer: Any) -> None:
        """Look at gradients before DeepSpeed's engine steps: when the Trainer says that it will, they are gone."""
        step = optimizer.step

        def looked_at(*arguments: Any, **named: Any) -> Any:
            self._look_at_gradients(optimizer)
            return step(*arguments, **named)

        optimizer.step = looked_at

    def _look_at_gradients(self, optimizer: Any) -> None:
        """Note in what dtype those of one matrix were added up, and what is left of it; until a step has any."""
        if self.gradient_dtype is not None or self._trainer.args.gradient_accumulation_steps == 1:
            return
        model: Any = self._trainer.model
        weight = model.model.layers[0].self_attn.q_proj.weight
        gradient, accumulator = weight.grad, accumulator_of(weight, optimizer)
        if self._trainer.deepspeed:
            from deepspeed.utils import safe_get_full_grad

            gradient = safe_get_full_grad(weight)
        if gradient is not None and accumulator is not None:
            self.grad_accum_dtype = PRECISIONS.get(str(accumulator.dtype))
            self.gradient_dtype = narrowest_dtype(gradient)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Keep a copy of the weights as products of matrices read them, to see what the step changes of it."""
        if self._looks_at_weights and (args.bf16 or args.fp16):
            low = torch.bfloat16 if args.bf16 else torch.float16
            self._copies = [part.detach().to(low, copy=True) for part in parts_of_weights(self._trainer.model)]

    def on_micro_step(self, loss: torch.Tensor) -> None:
        """Record the loss of one micro-batch, divided by the number of micro-batches as the Trainer adds it up."""
        self.micro_losses[-1].append(loss.detach().float().clone())

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Record the learning rate and the loss scale of this step."""
        optimizer: Any = self._trainer.optimizer
        if not self._trainer.deepspeed:
            self._look_at_gradients(optimizer)
        group = optimizer.param_groups[0]
        self.learning_rates.append(float(group["lr"]))
        # The rate that a schedule multiplies by its factor (torch.optim.lr_scheduler).
        self.full_rate = float(group.get("initial_lr", 0.0))
        scale = self._loss_scale()
        if scale is not None:
            self.loss_scales.append(scale)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Complete the record of a step, after the device has finished it."""
        if args.device.type == "cuda":
            torch.cuda.synchronize()
        self.step_ends.append(perf_counter())
        if self._copies:
            pairs = zip(self._copies, parts_of_weights(self._trainer.model), strict=True)
            changed = [(before != part.detach().to(before.dtype)).sum() for before, part in pairs]
            self.changed_weights.append(float(sum(changed)) / sum(one.numel() for one in self._copies))
            self._copies = []
        if len(self.step_ends) == 1:
            clock.begin("measuring")
        self.skipped.append(bool(self._trainer.accelerator.optimizer_step_was_skipped))
        self.micro_losses.append([])
        self.forwards.append(self._observer.forwards)
        bar = self._bar()
        if bar is not None:
            self.bar = dict(bar.format_dict)

    def _loss_scale(self) -> float | None:
        """The loss scale in force; ``None`` if losses are not scaled."""
        if self._trainer.deepspeed:
            scale = getattr(self._trainer.deepspeed.optimizer, "loss_scale", None)
            return float(scale) if scale is not None and self._trainer.args.fp16 else None
        scaler = self._trainer.accelerator.scaler
        return None if scaler is None else float(scaler.get_scale())

    def _bar(self) -> Any:
        callbacks = self._trainer.callback_handler.callbacks
        return next((bar for one in callbacks if (bar := getattr(one, "training_bar", None)) is not None), None)

    def schedule(self) -> tuple[float, int]:
        """Return the peak learning rate, and how many steps the rate rose for.

        A step that the loss scale skips does not advance the schedule: its rate is repeated, and the run may end before
        the warm-up does. If without skipped steps the warm-up would have ended, its length is extrapolated: the
        warm-up is linear (transformers.get_constant_schedule_with_warmup), up to the rate that the schedule multiplies.
        """
        rates = sorted(set(self.learning_rates))
        peak, risen = rates[-1], len(rates) - 1
        if not risen or peak >= self.full_rate:
            return peak, risen
        whole = round(self.full_rate / (rates[1] - rates[0]))
        return (self.full_rate, whole) if whole <= risen + sum(self.skipped) else (peak, risen)

    def step_losses(self) -> list[float]:
        """Return the loss of each optimizer step, the mean over ranks, shape (steps,)."""
        sums = torch.stack([torch.stack(losses).sum() for losses in self.micro_losses if losses])
        return mean_over_ranks(sums).tolist()


def mean_over_ranks(values: torch.Tensor) -> torch.Tensor:
    """Return the elementwise mean over all ranks of a tensor that each rank has, in fp64."""
    import torch.distributed as dist

    values = values.double()
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(values)
        values /= dist.get_world_size()
    return values
