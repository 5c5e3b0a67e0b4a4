"""The advisor: fewest GPUs that fit, and among those the cheapest."""

from __future__ import annotations

from datetime import date

import pytest
from builders import failed, printed_metric, recording, reported
from tests.claims.sagemaker_llama.advisor import Option, advise, cheapest

from llm_claims.document.instances import Instance, InstanceTable
from llm_claims.errors import UsageError
from llm_claims.judging.measurement import Measurement
from llm_claims.sources.base import Placed
from llm_claims.sources.recorded import RecordedSource
from llm_claims.workloads.generation.workload import Generation


def instance(gpus: int, price: float) -> Instance:
    return Instance(
        gpu="A10G",
        gpus=gpus,
        gpu_memory_gib=24,
        compute_capability=8.6,
        vcpus=8,
        host_memory_gib=32,
        usd_per_hour=price,
        price_resolution=0.1,
        efa_interfaces=0,
        gpudirect_rdma=False,
    )


TABLE = InstanceTable(
    dated=date(2026, 9, 1),
    source="made up",
    instances={"one": instance(1, 1.0), "cheap": instance(1, 0.5), "eight": instance(8, 16.0)},
)

LATENCIES = {
    # instance, GPUs a copy: seconds a request, None where it does not fit
    ("one", 1): 3.6,
    ("cheap", 1): 10.8,
    ("eight", 1): 2.7,
    ("eight", 2): 0.9,
    ("eight", 8): 0.1,
}


def workload(gpus: int | None) -> Generation:
    return Generation(tensor_parallel_degree=gpus)


def options(**unfit: tuple[int, ...]) -> dict[tuple[str, int], Option]:
    """Every option of `LATENCIES`; those named in ``unfit`` run out of memory."""
    entries = []
    for (name, gpus), seconds in LATENCIES.items():
        if gpus in unfit.get(name, ()):
            entries.append(failed(workload(gpus), "out_of_memory", "OOM"))
        else:
            entries.append(reported(workload(gpus), latency_seconds=printed_metric("latency_seconds", seconds, 0.1)))
        entries[-1] = entries[-1].model_copy(
            update={"provenance": entries[-1].provenance.model_copy(update={"instance_type": name})}
        )
    source = RecordedSource(recording(*entries))
    return {(name, gpus): Option(Measurement(source, Placed(workload(gpus), name)), name) for name, gpus in LATENCIES}


@pytest.mark.parametrize(
    ("where", "dollars"),
    [
        # Price an hour / 3600 * seconds * share of the instance's GPUs that one copy takes.
        (("one", 1), 1.0 * 3.6 / 3600),
        (("cheap", 1), 0.5 * 10.8 / 3600),
        (("eight", 1), 16 * 2.7 / 3600 / 8),
        (("eight", 2), 16 * 0.9 / 3600 / 4),
        (("eight", 8), 16 * 0.1 / 3600),
    ],
)
def test_cost_of_a_request(where: tuple[str, int], dollars: float) -> None:
    series = options()[where].cost(TABLE).series()
    assert series.values == pytest.approx((dollars,))


def test_a_cost_is_as_uncertain_as_its_price_and_its_latency() -> None:
    series = options()["one", 1].cost(TABLE).series()
    assert (series.lower[0], series.upper[0]) == pytest.approx((0.95 * 3.55 / 3600, 1.05 * 3.65 / 3600))


def test_a_copy_without_a_degree_takes_one_gpu() -> None:
    source = RecordedSource(recording(reported(workload(None))))
    assert Option(Measurement(source, Placed(workload(None))), "one").gpus == 1


def test_an_unknown_instance_has_no_price() -> None:
    option = options()["one", 1]
    with pytest.raises(UsageError, match="unknown instance type 'two'"):
        Option(option.measurement, "two").cost(TABLE)


def test_the_cheapest_is_chosen_by_cost_and_not_by_price() -> None:
    found = options()
    assert cheapest([found["cheap", 1], found["one", 1]], TABLE) is found["one", 1]
    assert cheapest(list(found.values()), TABLE) is found["eight", 8]


def test_the_fewest_gpus_come_before_the_least_cost() -> None:
    found = options()
    assert advise(list(found.values()), TABLE) is found["one", 1]


def test_what_does_not_fit_is_not_advised() -> None:
    found = options(one=(1,), cheap=(1,), eight=(1,))
    assert not found["one", 1].fits
    assert advise(list(found.values()), TABLE) is found["eight", 2]


def test_when_nothing_fits_there_is_no_advice() -> None:
    found = options(one=(1,), cheap=(1,), eight=(1, 2, 8))
    with pytest.raises(ValueError, match="fits none of the options"):
        advise(list(found.values()), TABLE)
    with pytest.raises(ValueError, match="fits none of the options"):
        advise([], TABLE)
    with pytest.raises(ValueError, match="empty"):
        cheapest([], TABLE)
