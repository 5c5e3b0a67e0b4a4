"""Settings: what the document held constant, and which of them stands for the claim elsewhere."""

from __future__ import annotations

import dataclasses

import pytest

from llm_claims.document.setting import Setting, settings
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.training.workload import Training

HELD = (Setting("bf16", precision="bf16", zero_stage=1), Setting("fp16", instance="p4d.24xlarge", precision="fp16"))


def test_only_what_is_held_becomes_a_field() -> None:
    assert HELD[0].fields() == {"precision": "bf16", "zero_stage": 1}
    assert HELD[1].fields() == {"precision": "fp16"}, "an instance is a place, and no field of a workload"
    assert Setting("empty").fields() == {}


def test_every_field_of_a_setting_is_a_workload_s() -> None:
    known = {*Generation.model_fields, *Training.model_fields}
    place = {"id", "instance", "primary"}
    assert {field.name for field in dataclasses.fields(Setting)} - place <= known


def test_a_setting_by_itself_is_primary() -> None:
    assert HELD[0].is_primary
    assert HELD[1].is_primary


def test_the_first_of_several_settings_is_primary() -> None:
    first, second = settings(*HELD).args[1]
    assert first.is_primary
    assert not second.is_primary
    assert second.primary == "bf16"
    assert first.fields() == HELD[0].fields()


def test_settings_parametrize_by_id() -> None:
    mark = settings(*HELD)
    assert mark.name == "parametrize"
    assert mark.args[0] == "setting"
    assert mark.kwargs["ids"] == ["bf16", "fp16"]


def test_a_setting_cannot_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        HELD[0].precision = "fp16"
