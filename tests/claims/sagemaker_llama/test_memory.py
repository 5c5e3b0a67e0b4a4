"""Memory: what fits a GPU, and what loading needs of the host."""

from __future__ import annotations

import pytest

from llm_claims import Generation, Loading, claim, every, less, outcome, similar

from .margins import LEAST_NAMED_DIFFERENCE

BY_HOST = pytest.mark.parametrize(
    ("instance", "ending"), [("g4dn.xlarge", "failed"), ("g4dn.2xlarge", "completed")], ids=["16gb", "32gb"]
)


@claim("serve-13b-fp16-exceeds-24gb", place="B, table of 13B on DeepSpeed")
def test_13b_in_fp16_does_not_fit_24_gb(measure, judge):
    request = Generation(model="llama-13b", precision="fp16", input_tokens=750, new_tokens=128)
    judge(outcome(measure(request, on="g5.2xlarge"), "out_of_memory"))


@claim("serve-deepspeed-fails-on-g4dn-xlarge", place="B, tip D")
@BY_HOST
def test_deepspeed_loads_7b_with_32_gb_and_not_with_16(measure, judge, instance, ending):
    loading = measure(Loading(engine="deepspeed"), on=instance)
    judge(outcome(loading, ending))


@claim("serve-accelerate-loads-on-g4dn-xlarge", place="B, tip D")
@pytest.mark.parametrize("instance", ["g4dn.xlarge", "g4dn.2xlarge"], ids=["16gb", "32gb"])
def test_accelerate_loads_7b_on_both(measure, judge, instance):
    judge(outcome(measure(Loading(engine="accelerate", device_map="auto"), on=instance), "completed"))


@claim("serve-deepspeed-fails-on-g5-xlarge", place="B, table of 7B engines")
def test_deepspeed_fails_on_g5_xlarge_where_accelerate_runs(measure, judge):
    request = {"precision": "fp16", "input_tokens": 750, "new_tokens": 128}
    deepspeed = measure(Generation(engine="deepspeed", **request), on="g5.xlarge")
    accelerate = measure(Generation(engine="accelerate", **request), on="g5.xlarge")
    judge(every(outcome(deepspeed, "failed"), outcome(accelerate, "completed")))


@claim("serve-deepspeed-fails-on-g5-xlarge", place="B, table of 7B engines")
@pytest.mark.parametrize("instance", ["g5.xlarge"], ids=["loading"])
def test_deepspeed_cannot_load_on_g5_xlarge_where_accelerate_can(measure, judge, instance):
    deepspeed = measure(Loading(engine="deepspeed"), on=instance)
    accelerate = measure(Loading(engine="accelerate", device_map="auto"), on=instance)
    judge(every(outcome(deepspeed, "failed"), outcome(accelerate, "completed")))


@claim("serve-device-map-implies-low-cpu-mem", place="B, tip D")
@pytest.mark.parametrize("checkpoint", ["bin", "safetensors"])
def test_device_map_turns_low_cpu_mem_usage_on(measure, judge, checkpoint):
    mapped = measure(Loading(checkpoint=checkpoint, device_map="auto"))
    asked = measure(Loading(checkpoint=checkpoint, low_cpu_mem_usage=True))
    plain = measure(Loading(checkpoint=checkpoint, low_cpu_mem_usage=False))
    judge(
        every(
            similar(mapped.peak_host_memory_bytes, asked.peak_host_memory_bytes, within=LEAST_NAMED_DIFFERENCE),
            less(mapped.peak_host_memory_bytes, plain.peak_host_memory_bytes, by=LEAST_NAMED_DIFFERENCE),
        )
    )


@claim("serve-low-cpu-mem-usage-table", place="B, tip E")
@pytest.mark.parametrize("model_server", [False, True], ids=["notebook", "lmi"])
@pytest.mark.parametrize("low_cpu_mem_usage", [True, False], ids=["low", "plain"])
def test_low_cpu_mem_usage_on_16_gb(measure, judge, low_cpu_mem_usage, model_server):
    loading = Loading(engine="deepspeed", low_cpu_mem_usage=low_cpu_mem_usage, model_server=model_server)
    fits = low_cpu_mem_usage and not model_server
    judge(outcome(measure(loading, on="g4dn.xlarge"), "completed" if fits else "failed"))


@claim("serve-low-cpu-mem-usage-table", place="B, tip E")
@pytest.mark.parametrize("model_server", [False, True], ids=["peak-notebook", "peak-lmi"])
def test_low_cpu_mem_usage_lowers_the_peak_of_loading(measure, judge, model_server):
    low, plain = (
        measure(Loading(engine="deepspeed", low_cpu_mem_usage=option, model_server=model_server), on="g4dn.2xlarge")
        for option in (True, False)
    )
    judge(less(low.peak_host_memory_bytes, plain.peak_host_memory_bytes, by=LEAST_NAMED_DIFFERENCE))


@claim("serve-model-server-needs-ram", place="B, tip E")
def test_the_model_server_makes_the_difference(measure, judge):
    alone = measure(Loading(engine="deepspeed", low_cpu_mem_usage=True, model_server=False), on="g4dn.xlarge")
    served = measure(Loading(engine="deepspeed", low_cpu_mem_usage=True, model_server=True), on="g4dn.xlarge")
    judge(every(outcome(alone, "completed"), outcome(served, "failed")))
