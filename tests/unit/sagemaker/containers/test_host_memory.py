from __future__ import annotations

from pathlib import Path

from llm_claims.sagemaker.containers.host_memory import kills_for_memory


def test_the_highest_count_of_all_that_the_kernel_tells(tmp_path: Path) -> None:
    one, other = tmp_path / "events", tmp_path / "vmstat"
    one.write_text("low 0\noom 3\noom_kill 2\n")
    other.write_text("nr_free_pages 5\noom_kill 7\n")
    assert kills_for_memory((str(one), str(other))) == 7
    assert kills_for_memory((str(tmp_path / "none"),)) == 0
    one.write_text("oom_kill many\n")
    assert kills_for_memory((str(one),)) == 0
