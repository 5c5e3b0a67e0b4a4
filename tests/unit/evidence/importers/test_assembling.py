"""A recording of imported runs: what files say, what a person states, and what is refused."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest
from builders import measured, recording, sampled_metric

from llm_claims.errors import ClaimsError
from llm_claims.evidence.importers import located_json, text
from llm_claims.evidence.importers.assembling import imported, shown
from llm_claims.evidence.recordings import Recording, read_recording, write_recording
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.training.workload import Training

BLOCK = """\
***** train metrics *****
  train_loss               =     {loss}
  train_runtime            = 0:02:01.77
  train_samples            =       960
"""
STATE = '{"log_history": [{"loss": 1.5, "step": 2, "epoch": 1.0}], "global_step": 2, "train_batch_size": 8}'
TABLE = "Serving Benchmark Result\nRequest throughput (req/s):   1.5\n==========\n"


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two logs of one day, and what else a folder of runs has in it."""
    monkeypatch.chdir(tmp_path)
    texts = {
        "a.log": BLOCK.format(loss=1.5),
        "b.log": BLOCK.format(loss=1.6),
        "same.log": BLOCK.format(loss=1.5),
        "state.json": STATE,
        "both.log": BLOCK.format(loss=1.5) + TABLE,
        "none.log": "nothing\n",
        "empty.log": "",
    }
    for name, text_ in texts.items():
        Path(name).write_text(text_)
        os.utime(name, (1_700_000_000, 1_700_000_000))


def of(*names: str, settings: tuple[str, ...] = (), format: str = "auto") -> Recording:
    return imported([Path(name) for name in names], "ours", format=format, settings=settings)


def test_several_files_are_several_runs_that_a_claim_tells_apart_by_what_differs() -> None:
    whole = of("a.log", "b.log", settings=("model=llama-7b", "a.log:precision=bf16", "b.log:precision=fp16"))
    assert [entry.workload for entry in whole.evidence] == [
        Training(model="llama-7b", precision=precision, samples=960) for precision in ("bf16", "fp16")
    ]
    assert (whole.documented, whole.title) == (True, "Imported from a.log, b.log")
    # A claim states the difference, and the recording fills the rest.
    filled = Training(precision="fp16").filled(whole.defaults["training"].fields_for(Training(precision="fp16")))
    assert filled == whole.evidence[1].workload


def test_two_runs_of_one_file_are_told_apart_by_their_numbers() -> None:
    Path("two.log").write_text(Path("a.log").read_text() + Path("b.log").read_text())
    whole = of("two.log", settings=("two.log#2:seed=2", "seed=1"))
    assert [(entry.workload.fixed_seed, entry.metrics["train_loss"].samples) for entry in whole.evidence] == [
        (1, (1.5,)),
        (2, (1.6,)),
    ]
    with pytest.raises(ClaimsError, match=r"two runs of .*; tell them apart, as with --set two.log#2:FIELD=VALUE"):
        of("two.log")


def test_a_recording_says_which_part_is_from_where() -> None:
    (entry,) = of("a.log", settings=("precision=bf16", "hardware=A10G")).evidence
    assert (entry.note or "").split("; ") == [
        "imported from hf-trainer",
        "the file states samples",
        "set by hand: precision, hardware",
        "the date is that of the file",
    ]
    assert (entry.provenance.date, entry.provenance.hardware) == (date(2023, 11, 14), "A10G")
    assert entry.place == "a.log, line 4"
    lines = list(shown(of("a.log")))
    assert lines[0] == "Training(samples=960):"
    assert "  train_loss = 1.5 nats (a.log, line 2)" in lines
    assert lines[-1].startswith("  open: model, precision, precision_by, ")


def test_provenance_is_set_in_the_same_way() -> None:
    settings = ("date=2024-02-01", "instance_type=g5.2xlarge", "instance_count=2", "software.torch=2.0.1", "commit=abc")
    (entry,) = of("a.log", settings=settings).evidence
    assert entry.provenance.model_dump(exclude_defaults=True) == {
        "kind": "reported",
        "hardware": "not stated",
        "instance_type": "g5.2xlarge",
        "instance_count": 2,
        "software": {"torch": "2.0.1"},
        "commit": "abc",
        "date": date(2024, 2, 1),
    }


def test_what_follows_from_a_field_is_filled_as_for_a_claim() -> None:
    whole = of("a.log", settings=("ranks=1",))
    for claimed in (Training(), Training(ranks=1)):
        assert claimed.filled(whole.defaults["training"].fields_for(claimed)) == whole.evidence[0].workload


def test_a_recording_of_ours_is_kept_as_it_is(tmp_path: Path) -> None:

    theirs = measured(
        Generation(
            model="llama-30m",
            precision="fp32",
            engine="transformers",
            api="generate",
            tensor_parallel_degree=1,
            input_tokens=10,
            new_tokens=8,
        ),
        latency_seconds=sampled_metric("latency_seconds", 1.0, 1.1, 1.2),
    )
    write_recording(recording(theirs, name="theirs", measured_on="cpu"), tmp_path / "theirs.json")
    whole = of("theirs.json")
    assert whole == read_recording(tmp_path / "theirs.json").model_copy(update={"name": "ours"})
    with pytest.raises(ClaimsError, match="imported alone, and as it is"):
        of("theirs.json", settings=("model=x",))
    with pytest.raises(ClaimsError, match="imported alone, and as it is"):
        of("a.log", "theirs.json")


@pytest.mark.parametrize(
    ("names", "settings", "said"),
    [
        (["a.log"], ["samples=1000"], "--set samples=1000 contradicts a.log, line 4, which says 960"),
        (["a.log"], ["modle=llama"], "--set modle=llama: Training has no field 'modle': did you mean 'model'?"),
        (["a.log"], ["kind=loading"], "Training has no field 'kind'"),
        (["a.log"], ["model"], "--set model: write FIELD=VALUE"),
        (["a.log"], ["=x"], "--set =x: write FIELD=VALUE"),
        (["a.log"], ["c.log:model=x"], "--set c.log:model=x: c.log is not imported: did you mean 'a.log'?"),
        (["a.log"], ["model=x", "model=y"], "--set model=y: model is set twice"),
        (["a.log"], ["ranks=many"], "--set ranks=many: Input should be a valid integer"),
        (["a.log"], ["date=yesterday"], "a.log: date: Input should be a valid date"),
        (
            ["a.log", "b.log"],
            [],
            "a.log, line 4, and b.log, line 4: two runs of Training(samples=960); tell them",
        ),
        (["a.log", "same.log"], ["a.log:seed=1"], "the same run twice, with the same figures"),
        (["a.log", "a.log"], [], "a.log is given twice"),
        (["both.log"], [], "two formats in one file (hf-trainer in line 1, vllm-serve in line 5)"),
        (["none.log"], [], "none.log: no run in any format that is known"),
        (["empty.log"], [], "empty.log: no run in any format that is known"),
    ],
)
def test_what_contradicts_or_repeats_is_refused(names: list[str], settings: list[str], said: str) -> None:
    with pytest.raises(ClaimsError) as caught:
        of(*names, settings=tuple(settings))
    assert said in str(caught.value)


def test_a_format_may_be_named() -> None:
    assert of("both.log", format="vllm-serve").kinds == {"generation"}
    with pytest.raises(ClaimsError, match="no run of hf-trainer in it"):
        of("none.log", format="hf-trainer")


def test_a_log_is_read_in_pieces_that_end_with_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = of("a.log")
    monkeypatch.setattr(text, "CHUNK", 7)
    assert of("a.log") == whole


def test_what_is_too_large_to_be_a_result_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(located_json, "LARGEST", 10)
    with pytest.raises(ClaimsError, match=r"state.json: more than .* too large"):
        of("state.json")
    monkeypatch.setattr(text, "CHUNK", 7)
    monkeypatch.setattr(text, "LONGEST", 20)
    with pytest.raises(ClaimsError, match=r"a.log: a line of more than"):
        of("a.log")
