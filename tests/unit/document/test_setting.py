"""Settings: what the document held constant, and which of them stands for the claim elsewhere."""

from __future__ import annotations

from llm_claims.document.setting import Setting

BF16 = Setting("bf16", precision="bf16", zero_stage=1)
FP16 = Setting("fp16", instance="ml.p4d.24xlarge", precision="fp16", zero_stage=None)


def test_only_what_is_held_becomes_a_field() -> None:
    assert BF16.fields() == {"precision": "bf16", "zero_stage": 1}
    assert FP16.fields() == {"precision": "fp16"}, "an instance is a place, and no field of a workload"


def test_an_instance_type_has_one_name() -> None:
    assert FP16.instance == "p4d.24xlarge"
    assert BF16.instance is None


def test_a_setting_by_itself_is_primary_and_of_several_the_named_one() -> None:
    assert BF16.is_primary
    first, second = (setting.under("bf16") for setting in (BF16, FP16))
    assert (first.is_primary, second.is_primary) == (True, False)
    assert (first.fields(), second.fields()) == (BF16.fields(), FP16.fields())
    assert second.instance == FP16.instance
