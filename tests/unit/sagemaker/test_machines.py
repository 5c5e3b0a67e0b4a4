"""All processes of a run together use no more machines than the account's quotas allow."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from llm_claims.sagemaker.machines import Machines

JOBS, ENDPOINTS = "ml.p4d.24xlarge for training job usage", "ml.g5.2xlarge for endpoint usage"


@pytest.mark.parametrize(("quota", "count", "at_once"), [(2, 2, 1), (3, 2, 1), (4, 2, 2), (1, 1, 1), (3, 1, 3)])
def test_as_many_are_held_as_the_quota_has(tmp_path: Path, quota: int, count: int, at_once: int) -> None:
    Machines(tmp_path).write_quotas({JOBS: quota})
    with ExitStack() as stack:
        held = [stack.enter_context(Machines(tmp_path).held(JOBS, count)) for _ in range(5)]
        assert held.count(True) == at_once
    with Machines(tmp_path).held(JOBS, count) as again:
        assert again


def test_other_quotas_and_unknown_ones_do_not_matter(tmp_path: Path) -> None:
    with Machines(tmp_path / "none").held(JOBS, 16) as free:
        assert free
    machines = Machines(tmp_path)
    machines.write_quotas({JOBS: 1, ENDPOINTS: 1})
    with machines.held(JOBS, 1) as job, machines.held(ENDPOINTS, 1) as endpoint:
        assert (job, endpoint) == (True, True)


def test_those_who_need_several_do_not_wait_for_each_other(tmp_path: Path) -> None:
    Machines(tmp_path).write_quotas({JOBS: 3})
    done = []

    def work() -> None:
        machines = Machines(tmp_path)
        while True:
            with machines.held(JOBS, 2) as free:
                if free:
                    done.append(1)
                    return

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert len(done) == 6
