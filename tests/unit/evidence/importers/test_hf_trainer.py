"""Logs of the Trainer: what is read of them, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from llm_claims.errors import RecordingError
from llm_claims.evidence.importers.run import Run

Read = Callable[..., list[Run]]

LOGGED = "{'loss': 1.9, 'learning_rate': 1e-05, 'epoch': 0.5}\n{'loss': 1.18, 'learning_rate': 2e-05, 'epoch': 1.0}\n"
END = (
    "{'train_runtime': 121.7735, 'train_samples_per_second': 7.884, 'train_steps_per_second': 0.246, "
    "'train_loss': 1.4672333399454752, 'epoch': 1.0}\n"
)
OUTPUT = (
    "TrainOutput(global_step=30, training_loss=1.4672333399454752, metrics={'train_runtime': 121.7735, "
    "'train_samples_per_second': 7.884, 'train_steps_per_second': 0.246, 'total_flos': 1e15, "
    "'train_loss': 1.4672333399454752, 'epoch': 1.0})\n"
)
BLOCK = """\
***** train metrics *****
  epoch                    =        1.0
  total_flos               =  2153428GF
  train_loss               =     1.4672
  train_runtime            = 0:02:01.77
  train_samples            =        960
  train_samples_per_second =      7.884
  train_steps_per_second   =      0.246
"""


def only(runs: list[Run]) -> Run:
    (run,) = runs
    return run


def figure(run: Run, metric: str) -> tuple[float, float | None]:
    """The last figure of a metric, and its resolution."""
    one = run.metrics[metric]
    return one.samples[-1], one.resolution


def test_the_end_of_a_run_has_the_digits_that_its_printer_left(read: Read) -> None:
    run = only(read(LOGGED + END))
    assert {name: figure(run, name) for name in run.metrics} == {
        # 1.18 was rounded to four decimals, of which two were zeros.
        "last_logged_loss": (1.18, 0.0001),
        "last_logged_learning_rate": (2e-05, 1e-16),
        "last_logged_epoch": (1.0, 0.01),
        "logged_losses": (1.18, 0.0001),
        "train_loss": (1.4672333399454752, pytest.approx(1e-16, rel=2)),
        "train_runtime_seconds": (121.7735, 0.0001),
        "train_samples_per_second": (7.884, 0.001),
        "train_steps_per_second": (0.246, 0.001),
        "last_epoch": (1.0, 0.01),
    }
    assert run.metrics["logged_losses"].samples == (1.9, 1.18)
    assert run.metrics["logged_losses"].place == f"{run.path}, lines 1 to 2"
    assert run.metrics["train_loss"].place == f"{run.path}, line 3"


def test_strings_have_four_significant_digits(read: Read) -> None:
    run = only(
        read(
            "{'loss': '1.6', 'grad_norm': '0.35', 'learning_rate': '0', 'num_tokens': 490000, 'epoch': '1'}\n"
            "{'train_runtime': '1834', 'train_samples_per_second': '51.5', 'train_loss': '0.09712', 'epoch': '1'}\n"
        )
    )
    assert figure(run, "last_logged_loss") == (1.6, 0.001)
    assert figure(run, "last_logged_learning_rate") == (0, 1e-16)
    assert figure(run, "train_runtime_seconds") == (1834, 1)
    assert figure(run, "train_samples_per_second") == (51.5, 0.01)
    assert figure(run, "train_loss") == (0.09712, 0.00001)
    assert run.left_out == {"grad_norm", "num_tokens"}


def test_the_same_end_told_three_times_is_one_run(read: Read) -> None:
    run = only(read(LOGGED + END + OUTPUT + BLOCK))
    assert figure(run, "train_loss")[0] == 1.4672333399454752
    assert figure(run, "train_runtime_seconds") == (121.7735, 0.0001)
    assert figure(run, "optimizer_steps") == (30, None)
    assert run.fields["samples"][0] == 960


def test_the_output_tells_more_digits_than_strings(read: Read) -> None:
    strings = "{'train_runtime': '121.8', 'train_loss': '1.467', 'epoch': '1'}\n"
    run = only(read(strings + OUTPUT))
    assert figure(run, "train_loss")[0] == 1.4672333399454752
    assert figure(run, "train_runtime_seconds") == (121.7735, 0.0001)


def test_the_block_alone_is_a_run_and_cuts_hundredths(read: Read) -> None:
    run = only(read(BLOCK))
    runtime = run.metrics["train_runtime_seconds"]
    assert (runtime.samples, runtime.resolution, runtime.rounding) == ((121.77,), 0.01, "down")
    assert figure(run, "train_loss") == (1.4672, 0.0001)
    assert figure(run, "train_samples_per_second") == (7.884, 0.001)


def test_a_day_has_its_hours(read: Read) -> None:
    run = only(read(BLOCK.replace("0:02:01.77", "2 days, 1:00:00.50")))
    assert figure(run, "train_runtime_seconds")[0] == 49 * 3600 + 0.5


def bar(done: int, steps: int, elapsed: str = "02:01", rate: str = "4.06s/it") -> str:
    return f"\r{100 * done // steps:3}%|███   | {done}/{steps} [{elapsed}<00:00,  {rate}]"


@pytest.mark.parametrize("end", ["\r", "#015", "\n"], ids=["carriage", "CloudWatch", "line"])
def test_the_runs_own_bar_tells_steps_and_time(read: Read, end: str) -> None:
    text = bar(10, 30) + "\n" + LOGGED + bar(25, 25, "00:03", "8.1it/s") + "\n" + bar(30, 30) + end + END
    run = only(read(text.replace("\r", end) if end == "#015" else text))
    assert figure(run, "optimizer_steps") == (30, None)
    assert figure(run, "recent_step_seconds") == (4.06, 0.01)
    assert (figure(run, "elapsed_seconds"), run.metrics["elapsed_seconds"].rounding) == ((121, 1), "down")


def test_a_bar_after_the_end_has_the_line_where_it_stands(read: Read) -> None:
    run = only(read(LOGGED + END + bar(30, 30) + "\nnothing\nmore\n"))
    assert run.metrics["optimizer_steps"].place == f"{run.path}, line 4"


def test_lines_may_hold_what_is_no_figure(read: Read) -> None:
    tensor = "tensor(0.5, device='cuda:0')"
    more = f"{{'step_time': [1, 2], 'loss': 1.1, 'grad_norm': {tensor}, 'note': \"it's\", 'epoch': 1.0}}\n"
    config = "{'loss': 'cross_entropy', 'optimizer': 'adam'}\n"
    run = only(read(config + LOGGED + more + END))
    assert run.metrics["logged_losses"].samples == (1.9, 1.18, 1.1)


def test_the_bar_of_an_evaluation_tells_nothing_of_the_run(read: Read) -> None:
    run = only(read(LOGGED + END + bar(25, 25, "00:03") + "\n"))
    assert "optimizer_steps" not in run.metrics


def test_the_bar_of_the_next_run_is_none_of_this_one(read: Read) -> None:
    other = END.replace("121.7735", "240.1").replace("0.246", "0.125")
    first, second = read(LOGGED + END + bar(30, 30, "04:00", "8.00s/it") + "\n" + other)
    assert "elapsed_seconds" not in first.metrics
    assert figure(second, "train_runtime_seconds")[0] == 240.1


def test_evaluations_are_kept_and_end_no_run(read: Read) -> None:
    evaluated = "{'eval_loss': 1.2211, 'eval_runtime': 3.9071, 'epoch': 1.0}\n"
    run = only(read(LOGGED + evaluated + END + evaluated.replace("1.2211", "1.5")))
    assert figure(run, "eval_loss")[0] == 1.5
    assert "eval_runtime" in run.left_out


def test_an_evaluation_before_the_next_run_is_none_of_this_one(read: Read) -> None:
    other = END.replace("121.7735", "240.1")
    first, second = read(LOGGED + END + "{'eval_loss': 9.5, 'epoch': 0}\n" + other)
    assert "eval_loss" not in first.metrics
    assert figure(second, "eval_loss")[0] == 9.5


def test_every_overflow_skips_a_step(read: Read) -> None:
    at = "[2023-04-28 06:51:3{0},100] [INFO] [loss_scaler.py:181:update_scale] [deepspeed] OVERFLOW! Rank {1} Skipping "
    first = at.format(0, 0) + "Attempted loss scale: 65536, but hysteresis is 2. Reducing hysteresis to 1\n"
    others = "".join(at.format(1, rank) + "Attempted loss scale: 65536, reducing to 32768\n" for rank in (0, 1))
    run = only(read(first + others + LOGGED + END))
    assert figure(run, "skipped_optimizer_steps") == (2, None)
    assert run.provenance["date"] == "2023-04-28"
    told = "[2023-04-28 06:59:46,878] [Rank 0] step=10, skipped=7, lr=[7e-07]\n"
    assert figure(only(read(first + told + others + LOGGED + END)), "skipped_optimizer_steps") == (8, None)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{'loss': nan, 'grad_norm': 1.0, 'epoch': 0.7}", "loss is nan in line 2"),
        ("{'loss': 'inf', 'epoch': '0.7'}", "loss is inf in line 2"),
        ("{'loss': 0.0, 'grad_norm': nan, 'epoch': 0.7}", "loss is 0.0 and grad_norm nan in line 2"),
    ],
)
def test_a_run_that_diverged_has_no_loss(read: Read, line: str, said: str) -> None:
    first, second, _ = LOGGED.split("\n")
    run = only(read("\n".join([first, line, second, END])))
    assert (run.outcome.kind, run.outcome.signature) == ("failed", f"diverged: {said}")
    assert not {name for name, one in run.metrics.items() if one.unit == "nats"}
    assert figure(run, "train_runtime_seconds") == (121.7735, 0.0001)


def test_a_mean_that_is_none_tells_that_a_run_diverged(read: Read) -> None:
    run = only(read(END.replace("1.4672333399454752", "nan")))
    assert run.outcome.signature == "diverged: train_loss is nan in line 1"


def test_an_infinite_norm_of_a_skipped_step_is_no_divergence(read: Read) -> None:
    run = only(read("{'loss': 2.1, 'grad_norm': inf, 'epoch': 0.1}\n" + LOGGED + END))
    assert run.outcome.kind == "completed"
    assert len(run.metrics["logged_losses"].samples) == 3


@pytest.mark.parametrize("prefix", ["[1,mpirank:{},algo-1]<stdout>:", "[rank{}]: ", "{}: "])
def test_one_rank_tells_for_all(read: Read, prefix: str) -> None:
    lines = (LOGGED + END).splitlines()
    told = [prefix.format(rank) + line for line in lines for rank in (1, 0)]
    # Another rank's clock: its end is no other run.
    told[-1] = told[-1].replace("121.7735", "121.9")
    run = only(read("\n".join(told) + "\n"))
    assert run.metrics["logged_losses"].samples == (1.9, 1.18)
    assert figure(run, "train_runtime_seconds")[0] == 121.7735


def test_the_same_line_of_unnamed_ranks_counts_once(read: Read) -> None:
    first, second, _ = LOGGED.split("\n")
    run = only(read("\n".join([first, first, second, second, END])))
    assert run.metrics["logged_losses"].samples == (1.9, 1.18)


def test_two_ends_are_two_runs_and_never_their_mixture(read: Read) -> None:
    other = END.replace("121.7735", "60.5").replace("1.4672333399454752", "1.25")
    first, second = read(LOGGED + END + "{'loss': 1.1, 'epoch': 1.5}\n" + other)
    assert first.metrics["logged_losses"].samples == (1.9, 1.18)
    assert second.metrics["logged_losses"].samples == (1.1,)
    assert (figure(first, "train_loss")[0], figure(second, "train_loss")[0]) == (1.4672333399454752, 1.25)
    assert (first.last, second.last) == (3, 5)


def test_a_log_that_is_cut_anywhere_is_refused_or_has_the_same_figures(read: Read) -> None:
    text = BLOCK + LOGGED + END.replace("121.7735", "60.5") + OUTPUT.replace("121.7735", "60.5")
    whole = read(text)
    refused = 0
    for cut in range(len(text)):
        try:
            runs = read(text[:cut])
        except RecordingError:
            refused += 1
            continue
        for run, known in zip(runs, whole, strict=False):
            for name, one in run.metrics.items():
                assert one.samples == known.metrics[name].samples, text[:cut][-40:]
            assert run.fields.items() <= known.fields.items(), text[:cut][-40:]
    assert refused > len(text) / 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LOGGED, "line 2: the last figures of a run whose end is not in the log"),
        (LOGGED + "{'loss': 1.1, 'epo", "line 3: the figures are cut off"),
        (LOGGED + LOGGED + END, "line 3: the epoch goes back from 1.0 to 0.5: a run was restarted in this log"),
        (END + LOGGED, "line 3: the last figures of a run whose end"),
        (LOGGED.replace("1.18", "1,18") + END, "line 2: the figures cannot be read as numbers"),
        (LOGGED.replace("1.18", "'1,18'") + END, "line 2: last_logged_loss is '1,18', which is no number: write it"),
        (LOGGED.replace("1.0", "'1,0'") + END, "line 2: epoch is '1,0', which is no number: write it"),
        (END + END.replace("121.7735", "'121,7'"), "line 2: train_runtime is '121,7', which is no number"),
        (BLOCK.replace("1.4672", "1,4672"), "line 4: train_loss is '1,4672', which is no number: write it"),
        (END.replace("121.7735", "nan"), "line 1: train_runtime is nan, where a figure is needed"),
        (END.replace("7.884", "inf"), "line 1: train_samples_per_second is inf, where a figure is needed"),
        (END.replace("121.7735", "0.0"), "line 1: train_runtime_seconds: a duration must be positive"),
        (BLOCK.replace("0:02:01.77", "121.77"), "line 5: train_runtime: '121.77' is no time such as 0:12:46.92"),
        (BLOCK.replace("960", "many"), "line 6: train_samples is 'many'"),
        (b"\0" + LOGGED.encode(), "a binary file"),
        ("Using pad_token, but it is not set yet.\n", "no run in any format that is known"),
    ],
)
def test_what_cannot_be_trusted_is_refused_with_its_line(read: Read, text: str | bytes, said: str) -> None:
    with pytest.raises(RecordingError) as caught:
        read(text)
    assert said in str(caught.value)
