"""A Hugging Face Trainer that records losses, and scales losses in fp16 on a processor too."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import Trainer, TrainingArguments

from llm_claims.workloads.training.run import TrainingRun

if TYPE_CHECKING:
    from llm_claims.workloads.training.run_log import RunLog

LOGGING_STEPS = 10
"""As in the document. The last log may be a few steps before the end."""

_WEIGHTS_OF_7B = 6.74e9
"""Weights of the document's model (Touvron et al., LLaMA, 2023, table 2), from which sizes are scaled."""


class WatchedTrainer(Trainer):
    """A Trainer that records the loss of every micro-batch, and scales losses in fp16 on a processor too.

    Without an ``initial_loss_scale`` it makes of fp16 what the Trainer makes of it.
    """

    scales_losses = False

    def __init__(self, log: RunLog, initial_loss_scale: float | None, **arguments: Any) -> None:
        self._log = log
        self._initial_loss_scale = initial_loss_scale
        super().__init__(**arguments)

    def create_accelerator_and_postprocess(self) -> None:
        """Make the accelerator with our own loss scaler for fp16; without it, processors silently run in fp32."""
        super().create_accelerator_and_postprocess()
        self.scales_losses = bool(self.args.fp16 and self._initial_loss_scale and not self.is_deepspeed_enabled)
        if self.scales_losses:
            assert self._initial_loss_scale is not None
            self.accelerator.native_amp = True
            device = self.args.device.type
            self.accelerator.scaler = torch.amp.GradScaler(device, init_scale=self._initial_loss_scale)

    def training_step(self, *arguments: Any, **named: Any) -> torch.Tensor:
        """Run one micro-batch, and record its loss."""
        loss = super().training_step(*arguments, **named)
        self._log.on_micro_step(loss)
        return loss


def training_arguments(run: TrainingRun, scratch: Path, weights: int) -> TrainingArguments:
    """Configure the Trainer as ``run`` says; ``weights`` is the model's number of parameters."""
    return TrainingArguments(
        output_dir=str(scratch),
        per_device_train_batch_size=run.micro_batch,
        gradient_accumulation_steps=run.gradient_accumulation,
        gradient_checkpointing=run.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False} if run.gradient_checkpointing else None,
        learning_rate=run.learning_rate,
        warmup_steps=run.warmup_steps,
        lr_scheduler_type="constant_with_warmup",
        num_train_epochs=1,
        logging_steps=LOGGING_STEPS,
        bf16=run.precision == "bf16",
        fp16=run.precision == "fp16",
        # Fused on GPUs, for speed; on a processor the fused version does not fix the order of its sums.
        optim="adamw_torch_fused" if torch.cuda.is_available() else "adamw_torch",
        seed=run.seed,
        data_seed=run.seed,
        use_cpu=not torch.cuda.is_available(),
        save_strategy="no",
        report_to=[],
        disable_tqdm=False,
        deepspeed=deepspeed_config(run, weights) if run.parallelism == "deepspeed" else None,
    )


def deepspeed_config(run: TrainingRun, weights: int) -> dict[str, Any]:
    """Return the DeepSpeed configuration of ``run``; "auto" takes the Trainer's value.

    Some of DeepSpeed's defaults are numbers of weights: stage 3 does not partition tensors below 1e5 and keeps up to
    1e9 gathered weights for reuse, and buckets have 5e8. With these, a model smaller than 1e9 would communicate
    hardly anything and allocate a gigabyte of buckets. So all are multiplied by the model's size over that of a 7B
    model.
    """
    scale = weights / _WEIGHTS_OF_7B
    # Even, as stage 1 requires.
    bucket = int(2.5e8 * scale) * 2
    return {
        "zero_optimization": {
            "stage": run.zero_stage,
            "reduce_bucket_size": bucket,
            "allgather_bucket_size": bucket,
            "stage3_prefetch_bucket_size": int(5e7 * scale),
            "stage3_param_persistence_threshold": int(1e5 * scale),
            "stage3_max_live_parameters": int(1e9 * scale),
            "stage3_max_reuse_distance": int(1e9 * scale),
        },
        "bf16": {"enabled": "auto"},
        "fp16": {
            "enabled": "auto",
            "loss_scale": 0,
            "initial_scale_power": int(math.log2(run.initial_loss_scale or 2**16)),
        },
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "train_batch_size": "auto",
        "gradient_clipping": "auto",
        **({"data_types": {"grad_accum_dtype": run.grad_accum_dtype}} if run.grad_accum_dtype else {}),
        # Not DeepSpeed's own Adam for processors, which would have to be compiled.
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
    }
