"""Logs and results of other programs become the figures that they show, each with its place and its last digit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_claims import cli
from llm_claims.errors import UsageError
from llm_claims.evidence.evidence import Evidence, Samples
from llm_claims.evidence.importing import detected, imported, recording_of
from llm_claims.evidence.recordings import read_recording

END = "{'train_runtime': 12.5, 'train_samples_per_second': 8.0, 'train_steps_per_second': 0.25, 'train_loss': 1.5}"
LOSS = "{'loss': 1.9042, 'learning_rate': 1e-05, 'epoch': 0.33}"
OVERFLOW = "[INFO] [deepspeed] OVERFLOW! Rank {rank} Skipping step. Attempted loss scale: 65536, reducing to 32768"
SERVED = {
    **{"model_id": "llama-7b", "backend": "vllm", "num_prompts": 200, "request_rate": "inf", "max_concurrency": 8},
    **{
        "completed": 200,
        "failed": 0,
        "request_throughput": 4.79,
        "output_throughput": 613.4,
        "date": "20260301-101502",
    },
    **{"median_ttft_ms": 171.02, "mean_ttft_ms": 182.44, "p99_ttft_ms": 401.9, "median_itl_ms": 11.1},
}
PRINTED = """
============ Serving Benchmark Result ============
Successful requests:                     32
Maximum request concurrency:             16
Benchmark duration (s):                  150.87
Request throughput (req/s):              0.21
---------------Time to First Token----------------
Mean TTFT (ms):                          7279.56
Median TTFT (ms):                        7099.88
P99 TTFT (ms):                           10999.46
"""
STATE = {
    "global_step": 30,
    "logging_steps": 10,
    "log_history": [
        {"epoch": 0.33, "learning_rate": 1e-05, "loss": 1.9, "step": 10},
        {"epoch": 1.0, "learning_rate": 1e-05, "loss": 1.3, "step": 30},
    ],
}
OPTIMUM = {
    "config": {
        "backend": {"model": "llama-7b", "torch_dtype": "float16"},
        "scenario": {
            "input_shapes": {"batch_size": 2, "sequence_length": 16},
            "generate_kwargs": {"max_new_tokens": 64},
        },
    },
    "report": {
        "prefill": {"latency": {"unit": "s", "values": [0.0512, 0.0509]}, "memory": None},
        "decode": {"latency": {"unit": "s", "values": [1.02]}, "throughput": {"unit": "tokens/s", "value": 123.2}},
    },
}
BENCHMARKS = {
    "machine_info": {"python_version": "3.11.9", "cpu": {"brand_raw": "EPYC", "count": 4}},
    "benchmarks": [
        {"fullname": "t.py::test_a", "stats": {"min": 0.001, "mean": 0.00123, "median": 0.0011, "rounds": 9}}
    ],
    "datetime": "2026-03-01T10:15:02",
}
Read = Callable[..., list[Evidence]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read texts, each as a file, and return the evidence that is written to a recording and read again."""

    def run(*texts: str, format: str = "auto", settings: tuple[str, ...] = ()) -> list[Evidence]:
        paths = [tmp_path / f"{number}.log" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, encoding="utf-8")
        found = imported(format, paths, settings, None)
        return list(recording_of(found, tmp_path / "rec.json").evidence)

    return run


def shown(entry: Evidence, name: str) -> tuple[tuple[float, ...], float | None]:
    samples = entry.metrics[name]
    return samples.samples, samples.resolution


def test_a_log_of_the_trainer_between_progress_bars(read: Read) -> None:
    bars = "\r 33%|███ | 10/30 [00:40<01:21,  4.06s/it]\r100%|██| 30/30 [02:01<00:00,  4.05s/it]"
    evaluation = "\r 5%| | 1/7 [00:01<00:02, 1.0it/s]\n{'eval_loss': 1.2211, 'eval_runtime': 3.9, 'epoch': 0.33}"
    (entry,) = read("\n".join(["Using pad_token", LOSS, evaluation, bars, "{'loss': 1.18, 'epoch': 1.0}", END, bars]))
    assert shown(entry, "logged_losses") == ((1.9042, 1.18), 1e-4)
    assert shown(entry, "train_runtime_seconds") == ((12.5,), 1e-4)
    assert shown(entry, "train_samples_per_second") == ((8.0,), 1e-3)
    assert shown(entry, "last_logged_epoch") == ((1.0,), 1e-2)
    assert shown(entry, "eval_loss") == ((1.2211,), 1e-4)
    assert shown(entry, "optimizer_steps") == ((30.0,), None)
    assert shown(entry, "recent_step_seconds") == ((4.05,), 0.01)
    assert (entry.metrics["elapsed_seconds"].samples, entry.metrics["elapsed_seconds"].rounding) == ((121.0,), "down")
    assert entry.metrics["last_logged_loss"].place == "0.log, line 6"
    assert entry.workload.stated() == {"logger": "hf-trainer"}


def test_quoted_numbers_have_four_significant_digits_whatever_is_shown(read: Read) -> None:
    log = "{'loss': '1.6', 'learning_rate': '1e-05', 'epoch': '1', 'entropy': '1.402'}\n"
    end = "{'train_runtime': '183.4', 'train_samples_per_second': '51.5', 'train_steps_per_second': '0.8'}"
    (entry,) = read(log + end)
    assert shown(entry, "last_logged_loss") == ((1.6,), 1e-3)
    assert shown(entry, "last_logged_learning_rate") == ((1e-5,), pytest.approx(1e-8))
    assert shown(entry, "train_runtime_seconds") == ((183.4,), pytest.approx(0.1))
    assert shown(entry, "train_steps_per_second") == ((0.8,), pytest.approx(1e-4))


def test_the_end_in_other_forms_is_one_run(read: Read) -> None:
    output = "TrainOutput(global_step=120, training_loss=0.6931471805599453, metrics={'train_runtime': 766.9214})"
    block = "***** train metrics *****\n  train_loss = 0.6931\n  train_runtime = 0:12:46.92\n  total_flos = 2153428GF\n"
    (entry,) = read(f"{output}\n{block}")
    assert shown(entry, "train_runtime_seconds") == ((766.9214,), 1e-4)
    assert shown(entry, "train_loss")[0] == (0.6931471805599453,)
    assert shown(entry, "optimizer_steps") == ((120.0,), None)
    (alone,) = read(block)
    assert shown(alone, "train_runtime_seconds") == ((pytest.approx(766.92),), 0.01)


def test_two_ends_are_two_runs(read: Read) -> None:
    second = END.replace("12.5", "31.0")
    first, last = read(f"{LOSS}\n{END}\n{LOSS.replace('1.9042', '1.7')}\n{second}", settings=("2:seed=7",))
    assert (shown(first, "last_logged_loss")[0], shown(first, "train_runtime_seconds")[0]) == ((1.9042,), (12.5,))
    assert (shown(last, "last_logged_loss")[0], shown(last, "train_runtime_seconds")[0]) == ((1.7,), (31.0,))


def test_skipped_steps_are_those_of_one_rank(read: Read) -> None:
    skipped = [OVERFLOW.format(rank=rank) for rank in (0, 1) for _ in range(3)]
    assert shown(read("\n".join([*skipped, LOSS, END]))[0], "skipped_optimizer_steps") == ((3.0,), None)
    counted = [*skipped, "[INFO] [Rank 0] step=10, skipped=5, lr=[7e-07]", skipped[0], LOSS, END]
    assert shown(read("\n".join(counted))[0], "skipped_optimizer_steps") == ((6.0,), None)
    assert "skipped_optimizer_steps" not in read(f"{LOSS}\n{END}")[0].metrics


@pytest.mark.parametrize("prefix", ["[1,{rank}]<stdout>:", "[rank{rank}]: ", "2023-04-28T06:51:30Z algo-{rank}-ab "])
def test_lines_of_several_ranks_are_read_once(read: Read, prefix: str) -> None:
    lines = [f"{prefix.format(rank=rank)}{line}" for line in (LOSS, END) for rank in (1, 2)]
    (entry,) = read("\n".join(lines).replace("\n", "#015\n"))
    assert shown(entry, "logged_losses") == ((1.9042,), 1e-4)


@pytest.mark.parametrize(
    "bad", ["{'loss': nan, 'epoch': 0.3}", "{'loss': 0.0, 'grad_norm': nan, 'epoch': 0.3}", "{'loss': inf, 'epoch': 1}"]
)
def test_divergence_is_an_outcome_and_never_a_number(read: Read, bad: str) -> None:
    (entry,) = read(f"{LOSS}\n{bad}\n{END}")
    assert (entry.outcome.kind, entry.metrics) == ("failed", {})
    assert "in line 2" in (entry.outcome.signature or "")


def test_the_state_of_a_run_has_a_derived_loss_that_says_so(read: Read) -> None:
    (entry,) = read(json.dumps(STATE))
    assert shown(entry, "train_loss") == ((pytest.approx((1.9 * 10 + 1.3 * 20) / 30),), 1e-4)
    assert "weighted by their steps" in (entry.metrics["train_loss"].note or "")
    (cut,) = read(json.dumps({**STATE, "global_step": 35}))
    assert "train_loss" not in cut.metrics


def test_results_of_a_server_are_converted_and_keep_their_unit_in_the_note(read: Read) -> None:
    first, second = read(json.dumps(SERVED), PRINTED)
    assert shown(first, "time_to_first_token_seconds") == ((pytest.approx(0.17102),), pytest.approx(1e-5))
    assert first.metrics["p99_time_to_first_token_seconds"].note == "p99 of 200 requests; printed in ms"
    assert first.workload.stated() == {"model": "llama-7b", "engine": "vllm", "prompts": 200, "concurrency": 8}
    assert str(first.provenance.date) == "2026-03-01"
    assert shown(second, "requests_per_second") == ((0.21,), 0.01)
    assert second.metrics["mean_time_to_first_token_seconds"].place == "1.log, line 8"
    several = "\n".join(json.dumps({**SERVED, "max_concurrency": number}) for number in (1, 2, 3))
    assert [entry.workload.stated()["concurrency"] for entry in read(several)] == [1, 2, 3]


def test_reports_of_optimum_benchmark_and_of_pytest_benchmark(read: Read) -> None:
    (entry,) = read(json.dumps(OPTIMUM))
    assert shown(entry, "time_to_first_token_seconds") == ((0.0512, 0.0509), 1e-4)
    stated = {"model": "llama-7b", "precision": "fp16", "input_tokens": 16, "new_tokens": 64, "prompts": 2}
    assert entry.workload.stated() == stated
    (entry,) = read(json.dumps(BENCHMARKS))
    assert shown(entry, "median_seconds") == ((0.0011,), 1e-4)
    assert (entry.provenance.hardware, entry.provenance.software) == ("EPYC, 4 cores", {"python": "3.11.9"})


def test_what_all_runs_state_fills_what_claims_leave_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for stage, seconds in ((1, "12.5"), (3, "31.0")):
        (tmp_path / f"{stage}.log").write_text(f"{LOSS}\n{END.replace('12.5', seconds)}")
    files = [str(tmp_path / f"{stage}.log") for stage in (1, 3)]
    settings = ["--set", "model=llama-7b", "--set", "1:zero_stage=1", "--set", "2:zero_stage=3"]
    assert cli.main(["import", "auto", *files, "--into", str(tmp_path / "rec.json"), *settings]) == 0
    recording = read_recording(tmp_path / "rec.json")
    assert recording.documented
    assert recording.defaults["training"].fields.stated() == {"model": "llama-7b", "logger": "hf-trainer"}
    said = capsys.readouterr().out
    assert "  set by hand: model, zero_stage" in said
    assert "  open: precision, ranks, samples" in said


def test_a_recording_of_another_repository_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(f"{LOSS}\n{END}")
    assert cli.main(["import", "auto", str(tmp_path / "a.log"), "--into", str(tmp_path / "rec.json")]) == 0
    assert detected(tmp_path / "rec.json") == "llm-claims"
    assert cli.main(["import", "auto", str(tmp_path / "rec.json"), "--into", str(tmp_path / "again.json")]) == 0
    first, again = (read_recording(tmp_path / name) for name in ("rec.json", "again.json"))
    assert again == first.model_copy(update={"name": "again"})


@pytest.mark.parametrize(
    ("text", "settings", "said"),
    [
        ("nothing of the kind\n", (), "its beginning is of no known format: name the format, one of hf-trainer, "),
        (f"{LOSS}\n{{'loss': 1.2, 'lear", (), "line 2 is cut short: {'loss': 1.2, 'lear"),
        ("{'loss': 1,23, 'epoch': 0.3}\n", (), "is a number written with a comma?"),
        ("{'loss': many, 'epoch': 0.3}\n", (), "line 1: loss is no number: many"),
        (f"{LOSS}\n{END}", ("modle=llama-7b",), "--set modle: Training has no such field: did you mean 'model'?"),
        (f"{LOSS}\n{END}", ("ranks=two",), "--set ranks=two: ranks: Input should be a valid integer"),
        (f"{LOSS}\n{END}", ("logger=keras",), "says logger=hf-trainer (lines 1 to 2)"),
        (f"{LOSS}\n{END}", ("model",), "--set model: write FIELD=VALUE, or NUMBER:FIELD=VALUE for one run"),
        (f"{LOSS}\n{END}", ("4:model=a",), "--set 4:model=a: the files have 1 run"),
        (
            f"{LOSS}\n{END}\n{LOSS}\n{END.replace('12.5', '31')}",
            (),
            "say in what they differ, with --set 2:FIELD=VALUE",
        ),
        (json.dumps(SERVED)[:-40], (), "line 1: not JSON, or cut short"),
        (json.dumps({**SERVED, "failed": 3}), (), "3 requests failed: their times are in no figure"),
        (json.dumps({**SERVED, "median_ttft_ms": float("nan")}), (), "nan is no measurement"),
        (json.dumps({**OPTIMUM, "report": {"prefill": {}}}), (), "decode: missing"),
        (json.dumps({"global_step": 3, "log_history": []}), (), "log_history has no loss"),
        (f"{PRINTED}\n{LOSS}\n{END}", (), "it looks like hf-trainer and vllm-serve: name the format"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(
    read: Read, text: str, settings: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read(text, settings=settings)
    assert said in str(caught.value)


def test_the_same_run_twice_a_binary_file_and_a_log_without_a_run(read: Read, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="are the same"):
        read(f"{LOSS}\n{END}", f"{LOSS}\n{END}")
    (tmp_path / "binary").write_bytes(b"{'loss': 1}\0")
    with pytest.raises(UsageError, match=r"line 1: a binary file, and no log\. Nothing was written"):
        imported("hf-trainer", [tmp_path / "binary"], (), None)
    (tmp_path / "empty").write_text("no run\n")
    with pytest.raises(UsageError, match="no run: neither a loss nor the end of a run is printed"):
        imported("hf-trainer", [tmp_path / "empty"], (), None)
    with pytest.raises(UsageError, match="unknown format 'hf-triner': did you mean 'hf-trainer'"):
        imported("hf-triner", [tmp_path / "empty"], (), None)


def test_every_figure_has_its_place(read: Read) -> None:
    texts = (
        f"{LOSS}\n{END}",
        json.dumps(STATE),
        json.dumps(SERVED),
        PRINTED,
        json.dumps(OPTIMUM),
        json.dumps(BENCHMARKS),
    )
    samples: list[Samples] = [one for text in texts for entry in read(text) for one in entry.metrics.values()]
    assert all((one.place or "").startswith("0.log, ") for one in samples)
