"""The same fine-tuning with Keras on its torch backend, to measure what Keras logs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from llm_claims.workloads.clock import clock
from llm_claims.workloads.llm.precision import DTYPES
from llm_claims.workloads.protocol import Answer, Figure
from llm_claims.workloads.training.base_model import load_with_new_tokens
from llm_claims.workloads.training.corpus import records, token_blocks
from llm_claims.workloads.training.observer import ModelObserver, observed_init, observed_weights
from llm_claims.workloads.training.run import TrainingRun
from llm_claims.workloads.training.trainers import LOGGING_STEPS
from llm_claims.workloads.training.workload import TrainingWitness

os.environ["KERAS_BACKEND"] = "torch"
import keras


class KerasLlama(keras.Model):  # type: ignore[misc]
    """A Keras model around a Llama, in the precision of the run."""

    def __init__(self, llama: torch.nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.llama = keras.layers.TorchModuleWrapper(_Logits(llama, dtype))

    def call(self, ids: Any) -> Any:
        """Return the logits of token ids, shape (batch, tokens), as (batch, tokens, vocabulary)."""
        return self.llama(ids)


class _Logits(torch.nn.Module):
    def __init__(self, llama: torch.nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.llama, self.compute_dtype = llama, dtype

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the logits in fp32."""
        with torch.autocast("cpu", self.compute_dtype, enabled=self.compute_dtype != torch.float32):
            logits: torch.Tensor = self.llama(input_ids=ids.long()).logits
        return logits.float()


class FitLog(keras.callbacks.Callback):  # type: ignore[misc]
    """Records what Keras logs after every optimizer step, and the true losses of micro-batches."""

    def __init__(self, accumulation: int, observer: ModelObserver) -> None:
        super().__init__()
        self._accumulation = accumulation
        self._observer = observer
        self.micro_losses: list[float] = []
        self.logged: list[float] = []
        self.forwards_of_first_step: int | None = None
        self.learning_rates: list[float] = []

    def loss(self, ids: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """Return the mean negative log-likelihood of each token given those before it, in nats, and record it."""
        loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten().long())
        self.micro_losses.append(loss.item())
        return loss

    def on_train_begin(self, logs: Any = None) -> None:
        """Clear what was recorded of the batch that Keras runs to build the model."""
        self.micro_losses.clear()
        self._observer.reset()
        clock.begin("measuring")

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Record the learning rate at the start of an optimizer step."""
        if batch % self._accumulation == 0:
            self.learning_rates.append(float(self.model.optimizer.learning_rate))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Record the logged loss at the end of an optimizer step, and how many forwards the first step took."""
        if self.forwards_of_first_step is None and int(self.model.optimizer.iterations) > 0:
            self.forwards_of_first_step = self._observer.forwards
        if (batch + 1) % self._accumulation == 0:
            self.logged.append(float(logs["loss"]))

    def step_losses(self) -> list[float]:
        """Return the mean loss of the micro-batches of each full step, shape (steps,)."""
        size = self._accumulation
        full = len(self.micro_losses) // size
        return [sum(self.micro_losses[step * size : (step + 1) * size]) / size for step in range(full)]


class Warmup(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A learning rate that rises linearly over ``steps`` optimizer steps to ``peak``, and then is constant."""

    def __init__(self, peak: float, steps: int, accumulation: int) -> None:
        super().__init__()
        self._peak, self._steps, self._accumulation = peak, steps, accumulation

    def __call__(self, step: Any) -> float:
        """Return the rate at ``step``, which in Keras counts micro-batches."""
        done = int(step) // self._accumulation
        return self._peak * min(1.0, done / self._steps) if self._steps else self._peak

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the schedule."""
        return {"peak": self._peak, "steps": self._steps, "accumulation": self._accumulation}


def keras_fit(run: TrainingRun, base: Path) -> Answer:
    """Train once with ``keras.Model.fit``, and return what Keras logged and the true loss of each step."""
    torch.set_num_threads(1)
    keras.utils.set_random_seed(run.seed)
    torch.use_deterministic_algorithms(True)
    llama, tokenizer = load_with_new_tokens(base, run.new_token_init, run.seed)
    seen = {
        "model": base.name,
        "new_token_init": observed_init(llama),
        "initial_weights": observed_weights(llama),
        "parameters": sum(one.numel() for one in llama.parameters()),
    }
    observer = ModelObserver(llama)
    log = FitLog(run.gradient_accumulation, observer)
    blocks = torch.tensor(token_blocks(records(run.seed), tokenizer, run.samples, run.context_tokens)).numpy()
    model = _compiled(run, llama, log)
    model.fit(blocks, blocks, batch_size=run.micro_batch, epochs=1, verbose=0, callbacks=[log])
    clock.begin("rest")
    metrics = {**_metrics(log), "optimizer_steps": int(model.optimizer.iterations)}
    return Answer(metrics=metrics, witness=_witness(model, observer, log).model_copy(update=seen))


def _compiled(run: TrainingRun, llama: torch.nn.Module, log: FitLog) -> KerasLlama:
    model = KerasLlama(llama, getattr(torch, DTYPES[run.precision]))
    accumulation = run.gradient_accumulation
    optimizer = keras.optimizers.AdamW(
        Warmup(run.learning_rate, run.warmup_steps, accumulation),
        gradient_accumulation_steps=accumulation if accumulation > 1 else None,
    )
    model.compile(optimizer=optimizer, loss=log.loss)
    return model


def _metrics(log: FitLog) -> dict[str, Figure]:
    logged = log.logged[LOGGING_STEPS - 1 :: LOGGING_STEPS]
    found: dict[str, Figure] = {"step_losses": tuple(log.step_losses())}
    if logged:
        found |= {"logged_losses": tuple(logged), "last_logged_loss": logged[-1], "logging_steps": LOGGING_STEPS}
    return found


def _witness(model: KerasLlama, observer: ModelObserver, log: FitLog) -> TrainingWitness:
    peak = max(log.learning_rates)
    return TrainingWitness(
        device=observer.device,
        threads=torch.get_num_threads(),
        logger=type(model).__mro__[1].__module__.partition(".")[0],
        parallelism="ddp",
        zero_stage=0,
        ranks=1,
        forward_dtypes=observer.forward_dtypes,
        samples=len(observer.samples),
        context_tokens=observer.context_tokens,
        micro_batch=observer.micro_batch,
        gradient_accumulation=log.forwards_of_first_step,
        gradient_checkpointing=observer.gradient_checkpointing,
        learning_rate=peak or None,
        warmup_steps=len({rate for rate in log.learning_rates if rate < peak}),
    )
