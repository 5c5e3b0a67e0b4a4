"""Asked for 128 new tokens, it makes 127."""

from __future__ import annotations

from typing import Any

from llm_claims.workloads.generation import program as generate
from llm_claims.workloads.generation.workload import Generation

call = generate.call


def wrong_call(stand: Any, workload: Generation) -> Any:
    """Run a workload with one new token less."""
    assert workload.new_tokens is not None
    return call(stand, workload.model_copy(update={"new_tokens": workload.new_tokens - 1}))


generate.call = wrong_call

if __name__ == "__main__":
    raise SystemExit(generate.main())
