"""``--weights NAME=FOLDER`` and ``claims_weights``: a checkpoint is checked before anything runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .miniature import Miniature, assert_refused

LIVE = ("-m", "cpu and live")


def write_folder(path: Path, text: str) -> Path:
    """Write a folder with this config.json."""
    path.mkdir(parents=True)
    (path / "config.json").write_text(text)
    return path


@pytest.mark.parametrize("stated", ["llama-7b", "=/data", "llama-7b="])
def test_a_value_of_another_form_is_refused(suite: Miniature, stated: str) -> None:
    result = suite.run(*LIVE, f"--weights={stated}")
    assert_refused(result, f"--weights {stated}: write NAME=FOLDER, such as llama-7b=/data/llama-7b")
    assert suite.program.log == []


def test_a_folder_without_a_checkpoint_is_refused(suite: Miniature) -> None:
    result = suite.run(*LIVE, "--weights", "own=nowhere")
    assert_refused(result, f"{suite.path}/nowhere/config.json: cannot be read (No such file or directory)")


def test_a_checkpoint_of_the_ini_file_is_read_from_the_root(suite: Miniature) -> None:
    write_folder(suite.path / "own", json.dumps({"architectures": ["GPT2LMHeadModel"]}))
    result = suite.run(*LIVE, "-o", "claims_weights=own=own")
    assert_refused(result, f"{suite.path}/own/config.json: architectures: GPT2LMHeadModel; only ")


def test_a_damaged_cache_is_no_reason_to_measure_a_stand_in(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_CLAIMS_CACHE", str(suite.path / "cache"))
    folder = write_folder(suite.path / "cache/smollm2-135m", "{")
    assert_refused(
        suite.run(*LIVE),
        f"{folder}/config.json: is not JSON with an object; remove that folder, and make it again with: make weights",
    )
