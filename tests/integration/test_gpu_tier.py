"""The GPU tier on machines that are made up: without a GPU, with one that is in use, with time for some runs only."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest

from tests.unit.fake_gpus import H100, put_gpus

from .miniature import Miniature
from .test_interrupt import soon


def reasons(suite: Miniature) -> set[str]:
    return {row["reason"] for key, row in suite.rows().items() if key[2] == "gpu"}


@pytest.fixture
def one_gpu(suite: Miniature, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Miniature:
    put_gpus(tmp_path / "bin", monkeypatch, H100)
    suite.program.run_on("cuda")
    return suite


@pytest.mark.parametrize(
    ("gpus", "words"),
    [
        ((), "no NVIDIA GPU: nvidia-smi lists none"),
        (({**H100, "memory.used": 9000},), "another process holds GPU 0: 9"),
    ],
    ids=["none", "in-use"],
)
def test_without_a_free_gpu_all_is_skipped_for_one_clear_reason(
    suite: Miniature, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gpus: tuple[dict[str, object], ...], words: str
) -> None:
    put_gpus(tmp_path / "bin", monkeypatch, *gpus)
    result = suite.run("-m", "gpu")
    result.assert_outcomes(skipped=5, deselected=15)
    assert result.ret == 0
    one, other = sorted(reasons(suite), key=lambda reason: reason.startswith("sixteen GPUs"))
    assert words in one
    assert other == "sixteen GPUs: no machine has as many"
    assert suite.program.requests == []


def test_what_ran_on_the_processor_is_refused(one_gpu: Miniature) -> None:
    one_gpu.program.run_on("cpu")
    result = one_gpu.run("-m", "gpu", "--claim", "tokens-double")
    result.assert_outcomes(failed=1, deselected=19)
    assert any("device: asked 'cuda', the run saw 'cpu'" in reason for reason in reasons(one_gpu))


def test_a_recording_has_the_devices_and_their_states(one_gpu: Miniature) -> None:
    one_gpu.program.spend(measuring_seconds=1e9)  # more than passed: so it was all of it but starting
    result = one_gpu.run("-m", "gpu", "--snapshot-update", "--record", "h100.json")
    result.assert_outcomes(passed=3, xfailed=1, skipped=1, deselected=15)
    said = " ".join(line.strip() for line in result.outlines)
    spent = re.search(r"gpu: \d+ s: measuring \d+ s \((\d+)%\).*?; [0-9.]+ verdicts decided a minute", said)
    assert spent is not None
    assert int(spent[1]) > 0
    assert spent[0].removeprefix("gpu") in (one_gpu.path / "report/index.html").read_text()
    whole = json.loads((one_gpu.path / "h100.json").read_text())
    assert (whole["measured_on"], whole["complete"]) == ("gpu", True)
    devices = whole["devices"]
    assert (devices["model"], devices["count"], devices["driver"]) == ("NVIDIA H100 80GB HBM3", 1, "580.159.04")
    assert len(devices["start"]) == len(devices["end"]) == 1
    again = one_gpu.run("-m", "cpu and not live", "--recording", "h100.json", "--snapshot-update")
    again.assert_outcomes(passed=3, xfailed=1, skipped=1, deselected=15)


def test_when_the_time_budget_ends_what_is_open_says_so_and_the_recording_is_incomplete(one_gpu: Miniature) -> None:
    one_gpu.program.sleep(0.4)
    result = one_gpu.run("-m", "gpu", "--time-budget", "1", "--snapshot-update", "--record", "part.json")
    assert result.ret == 0
    assert {"the time budget of 1 s ended before these were measured in one pass"} & reasons(one_gpu)
    whole = json.loads((one_gpu.path / "part.json").read_text())
    assert whole["complete"] is False
    assert whole["evidence"]
    said = one_gpu.run("-m", "cpu and not live", "--recording", "part.json", "--snapshot-update", "-v")
    remark = "part is incomplete: its run left cases out, or had no time for them"
    said.stdout.fnmatch_lines([remark])
    live = one_gpu.run("-m", "gpu", "--recording", "part.json", "--claim", "tokens-double", "--time-budget", "1", "-v")
    live.stdout.no_fnmatch_line(remark)
    untestable = one_gpu.run("-m", "cpu and not live", "--recording", "part.json", "--claim", "zero1-faster", "-v")
    untestable.stdout.fnmatch_lines(["untestable on part: *"])
    untestable.stdout.no_fnmatch_line(remark)


def test_what_was_measured_before_an_interrupt_is_recorded_even_if_nothing_was_judged(one_gpu: Miniature) -> None:
    one_gpu.program.misbehave("hang", new_tokens=64)
    run = one_gpu.start("-m", "gpu", "--claim", "tokens-double", "--record", "part.json")
    assert soon(lambda: any(entry["asked"]["workload"]["new_tokens"] == 64 for entry in one_gpu.program.requests))
    run.send_signal(signal.SIGTERM)
    out, _ = run.communicate(timeout=60)
    assert run.returncode == pytest.ExitCode.INTERRUPTED
    assert "part.json, 1 workload" in out
    whole = json.loads((one_gpu.path / "part.json").read_text())
    assert whole["complete"] is False
    assert [entry["workload"]["new_tokens"] for entry in whole["evidence"]] == [128]
