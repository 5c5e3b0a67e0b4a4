"""``--weights NAME=FOLDER`` and ``claims_weights``: a checkpoint is checked before anything runs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from llm_claims.workloads.llm.llama_config import layout

from .miniature import REGISTER, Miniature, assert_refused

LIVE = ("-m", "cpu and live")


def write_folder(path: Path, text: str) -> Path:
    """Write a folder with this config.json."""
    path.mkdir(parents=True)
    (path / "config.json").write_text(text)
    return path


def write_checkpoint(folder: Path) -> None:
    """Write the smallest Llama, all zeros."""
    sizes = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
    config = {**dict.fromkeys((*sizes, "num_key_value_heads", "max_position_embeddings"), 1), "model_type": "llama"}
    write_folder(folder, json.dumps(config))
    header, at = {}, 0
    for name, shape in layout(config):
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": (at, at + 4 * math.prod(shape))}
        at += 4 * math.prod(shape)
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(at))


def test_the_command_that_repeats_a_case_names_the_checkpoints(suite: Miniature) -> None:
    write_checkpoint(suite.path / "own model")
    suite.program.cost(batch=0.0)
    result = suite.run(*LIVE, "--weights=own=own model")
    (command,) = (line for line in result.outlines if line.startswith("repeat: "))
    assert command.endswith("--weights 'own=own model'")


def test_a_checkpoint_that_nobody_asks_for_is_told(suite: Miniature) -> None:
    write_checkpoint(suite.path / "own")
    result = suite.run(*LIVE, "-v", "--weights=own=own")
    assert "cpu: --weights own: no run started from it, since no claim asks for it pretrained" in result.stdout.str()


@pytest.mark.parametrize("stated", ["llama-7b", "=/data", "llama-7b="])
def test_a_value_of_another_form_is_refused(suite: Miniature, stated: str) -> None:
    result = suite.run(*LIVE, f"--weights={stated}")
    assert_refused(result, f"--weights {stated}: write NAME=FOLDER, such as llama-7b=/data/llama-7b")
    assert suite.program.log == []


def test_two_checkpoints_of_one_model_are_refused(suite: Miniature) -> None:
    result = suite.run(*LIVE, "--weights=own=one", "--weights=own=two")
    assert_refused(result, f"--weights own=two: own has a checkpoint already, {suite.path}/one: name one")


def test_a_folder_of_nobody_is_refused(suite: Miniature) -> None:
    assert_refused(
        suite.run(*LIVE, "--weights=own=~nobody-here/x"), "--weights own=~nobody-here/x: Could not determine"
    )


def test_a_folder_without_a_checkpoint_is_refused(suite: Miniature) -> None:
    result = suite.run(*LIVE, "--weights", "own=nowhere")
    assert_refused(result, f"{suite.path}/nowhere/config.json: cannot be read (No such file or directory)")


def test_a_checkpoint_of_the_ini_file_is_read_from_the_root(suite: Miniature) -> None:
    write_folder(suite.path / "own", json.dumps({"architectures": ["GPT2LMHeadModel"]}))
    result = suite.run(*LIVE, "-o", "claims_weights=own=own")
    assert_refused(result, f"{suite.path}/own/config.json: architectures: GPT2LMHeadModel; only ")


def test_a_damaged_cache_is_an_error_of_the_cases_that_start_from_it_and_of_no_others(
    suite: Miniature, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_CLAIMS_CACHE", str(suite.path / "cache"))
    folder = write_folder(suite.path / "cache/smollm2-135m", "{")
    suite.write("fixtures/claims.toml", f'{REGISTER}\n[claims.real]\nstatement = "Real weights learn."\n')
    suite.write_test(
        """\
@claim("real", place="run A")
def test_real(measure, judge):
    run = measure(Training(model="smollm2-135m", initial_weights="pretrained"))
    judge(less(run.train_loss, run.highest_step_loss))
""",
        "test_real.py",
    )
    result = suite.run(*LIVE)
    result.assert_outcomes(failed=1, passed=3, xfailed=1, skipped=1, deselected=18)
    row = suite.rows()["real", "", "cpu"]
    assert row["verdict"] == "error"
    fault = f"{folder}/config.json: is not JSON with an object; remove {folder}, and make it again (make weights, "
    assert fault in row["reason"]
