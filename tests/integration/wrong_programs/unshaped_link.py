"""Asked for a link of a rate, it joins the ranks and leaves the shaping off."""

from __future__ import annotations

import subprocess

from llm_claims.workloads.training import link
from llm_claims.workloads.training import program as train

join = link.join


def wrong_join(first: int, second: int, mbit_per_second: float) -> None:
    """Join two processes, then take the shaper away at both ends."""
    join(first, second, mbit_per_second)
    for pid in (first, second):
        enter = ["nsenter", f"--net=/proc/{pid}/ns/net"]
        subprocess.run([*enter, "tc", "qdisc", "del", "dev", link.INTERFACE, "root"], check=True)


link.join = wrong_join

if __name__ == "__main__":
    raise SystemExit(train.main())
