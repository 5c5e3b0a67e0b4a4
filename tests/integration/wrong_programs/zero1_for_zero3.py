"""Asked for ZeRO stage 3, it runs stage 1."""

from __future__ import annotations

from typing import Any

from llm_claims.workloads.training import program as train

set_up = train.set_up


def wrong_set_up(*arguments: Any) -> Any:
    """Set the program up, then patch what configures DeepSpeed: every run is a fork of this process."""
    runner = set_up(*arguments)
    from llm_claims.workloads.training import trainers

    configured = trainers.deepspeed_config

    def stage1(*given: Any) -> dict[str, Any]:
        config = configured(*given)
        config["zero_optimization"]["stage"] = 1
        return config

    trainers.deepspeed_config = stage1
    return runner


train.set_up = wrong_set_up

if __name__ == "__main__":
    raise SystemExit(train.main())
