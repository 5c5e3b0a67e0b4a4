"""Asked for fp16 on a processor, it leaves it to the Trainer: that runs fp32 and says nothing."""

from __future__ import annotations

from typing import Any

from llm_claims.workloads.training import program as train

set_up = train.set_up


def wrong_set_up(*arguments: Any) -> Any:
    """Set the program up, then undo what puts loss scaling in."""
    runner = set_up(*arguments)
    from transformers import Trainer

    from llm_claims.workloads.training.trainers import WatchedTrainer

    WatchedTrainer.create_accelerator_and_postprocess = Trainer.create_accelerator_and_postprocess  # type: ignore[method-assign]
    return runner


train.set_up = wrong_set_up

if __name__ == "__main__":
    raise SystemExit(train.main())
