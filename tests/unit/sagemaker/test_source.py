from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from workers import SETTINGS, SOCKET, FakeEndpoint, FakeLauncher, Json, answer, table

from llm_claims.document.setting import Setting
from llm_claims.errors import Inconclusive, ProgramError, Untestable
from llm_claims.evidence.recordings import EMULATED
from llm_claims.sagemaker.errors import CloudError, NoCapacity
from llm_claims.sagemaker.execution import ContainerSettings
from llm_claims.sagemaker.placement import Placement
from llm_claims.sagemaker.source import SageMakerSource
from llm_claims.sagemaker.specs import EndpointSpec
from llm_claims.sagemaker.stacks import CURRENT, DOCUMENT, LOCAL
from llm_claims.sources.base import Need, Placed
from llm_claims.sources.store import EvidenceStore
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.training.workload import Training

SHORT, LONG = Generation(input_tokens=10, new_tokens=64), Generation(input_tokens=750, new_tokens=64)
P4D, G5 = "p4d.24xlarge", "g5.2xlarge"


@dataclass
class FakeCloudRun:
    launcher: FakeLauncher
    container_settings: ContainerSettings = SETTINGS


def source(tmp_path: Path, launcher: FakeLauncher | None = None, **options: Any) -> SageMakerSource:
    where = {"instances": frozenset({G5, P4D, "g4dn.xlarge"}), "stack": CURRENT, "table": table(), "emulated": False}
    placement = Placement(**{name: options.pop(name, value) for name, value in where.items()})
    run: Any = FakeCloudRun(launcher or FakeLauncher())
    return SageMakerSource(EvidenceStore(tmp_path / "store"), placement, run, **options)


def expected(source: SageMakerSource, *groups: tuple[Any, ...]) -> list[tuple[Placed, ...]]:
    """Let the source expect one case for each group of workloads; return where they are placed."""
    placed = [tuple(source.place(one, None, None) for one in group) for group in groups]
    source.expect([Need(str(number), "a-claim", group) for number, group in enumerate(placed)])
    return placed


# Where a workload is placed


def test_open_fields_are_the_documents(tmp_path: Path) -> None:
    placed = source(tmp_path).place(Generation(new_tokens=64), None, None)
    assert placed.instance == G5
    assert (placed.workload.model, placed.workload.precision, placed.workload.input_tokens) == ("llama-7b", "bf16", 10)
    run = source(tmp_path).place(Training(zero_stage=3), None, None)
    assert (run.instance, run.workload.ranks, run.workload.rdma) == (P4D, 16, False)


def test_settings_are_told_apart(tmp_path: Path) -> None:
    one = Setting("tp2", instance="ml.p4d.24xlarge", precision="fp16", tensor_parallel_degree=2, primary="tp1")
    placed = source(tmp_path).place(Generation(engine="accelerate"), one, None)
    assert (placed.instance, placed.workload.tensor_parallel_degree, placed.workload.precision) == (P4D, 2, "fp16")
    assert (
        source(tmp_path).place(Generation(engine="accelerate"), one, "g5.2xlarge".replace("g5.2", "p4d.24")) == placed
    )


def test_a_type_that_was_not_named_is_named_in_the_reason(tmp_path: Path) -> None:
    with pytest.raises(Untestable, match=r"^needs ml\.p4d\.24xlarge: pass --instance p4d\.24xlarge$"):
        source(tmp_path, instances=frozenset({G5})).place(Training(), None, None)
    with pytest.raises(Untestable, match=r"needs ml\.g5\.12xlarge"):
        source(tmp_path).place(SHORT, None, "g5.12xlarge")


def test_what_the_stack_cannot_do_is_refused_where_it_is_placed(tmp_path: Path) -> None:
    with pytest.raises(Untestable, match="pass --stack document"):
        source(tmp_path).place(Generation(engine="deepspeed"), None, None)
    assert source(tmp_path, stack=DOCUMENT).place(Generation(engine="deepspeed"), None, None).instance == G5


def test_documented_sizes_are_judged_on_documented_hardware_alone(tmp_path: Path) -> None:
    assert source(tmp_path).documented
    assert not source(tmp_path, stack=LOCAL, emulated=True).documented


def test_a_model_that_was_taught_here_stands_for_the_documents_and_says_so(tmp_path: Path) -> None:
    taught = source(tmp_path).place(Training(zero_stage=1, initial_weights="pretrained"), None, None)
    assert taught.stand_in
    assert taught.note == "llama-85m stands for the document's model, whose checkpoint is gone"
    assert not source(tmp_path).place(Training(zero_stage=1), None, None).stand_in


# What is launched


def test_one_endpoint_serves_every_workload_that_can_share_it(tmp_path: Path) -> None:
    launcher = FakeLauncher()
    one = source(tmp_path, launcher)
    (first,), (second,) = expected(one, (SHORT,), (LONG,))
    one.draw([first], 3, timed=True)
    one.draw([second], 3, timed=True)
    assert len(launcher.endpoints) == 1
    assert one.evidence(first).rounds == one.evidence(second).rounds == (1, 2, 3, 4, 5)
    assert one.evidence(first).instance_type == G5


def test_a_job_is_one_of_its_seeds_and_a_further_round_is_a_further_job(tmp_path: Path) -> None:
    launcher = FakeLauncher()
    one = source(tmp_path, launcher)
    ((run,),) = expected(one, (Training(zero_stage=1),))
    one.draw([run], 3, timed=False)
    assert len(launcher.jobs) == 1
    assert one.evidence(run).metrics["train_loss"].samples == (1.030, 1.031, 1.032)
    one.draw([run], 4, timed=False)
    assert len(launcher.jobs) == 2
    assert one.evidence(run).provenance.seeds == (1030, 1031, 1032, 1033)
    assert one.evidence(run).provenance.instance_count == 2


def test_nothing_is_launched_twice_or_without_being_asked(tmp_path: Path) -> None:
    launcher = FakeLauncher()
    one = source(tmp_path, launcher)
    assert not one.has_launched
    ((short, run),) = expected(one, (SHORT, Training()))
    assert not launcher.endpoints
    for _ in range(3):
        one.draw([short], 3, timed=True)
    assert (len(launcher.endpoints), len(launcher.jobs)) == (1, 0)
    assert one.has_launched
    assert run.instance == P4D


def test_a_case_that_was_not_expected_is_measured_all_the_same(tmp_path: Path) -> None:
    launcher = FakeLauncher()
    one = source(tmp_path, launcher)
    placed = one.place(SHORT, None, None)
    one.draw([placed], 3, timed=True)
    assert one.evidence(placed).rounds == (1, 2, 3)


def test_processes_of_one_run_launch_each_once_and_share_it(tmp_path: Path) -> None:
    """Four processes, here threads with a source and a store each, ask for all in different orders."""
    launcher = FakeLauncher()
    workloads = [
        SHORT,
        LONG,
        Generation(precision="fp16"),
        Training(),
        Training(zero_stage=3),
        Training(precision="fp16"),
    ]
    faults: list[BaseException] = []

    def work(shift: int) -> None:
        try:
            one = source(tmp_path, launcher)
            ((*placed,),) = expected(one, tuple(workloads))
            for place in placed[shift:] + placed[:shift]:
                one.draw([place], 3, timed=True)
                assert len(one.evidence(place).rounds) >= 3
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(shift,)) for shift in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert faults == []
    plan = source(tmp_path)
    expected(plan, tuple(workloads))
    kinds = [launch.deployment.kind for launch in plan.plan.launches]
    assert (len(launcher.endpoints), len(launcher.jobs)) == (kinds.count("endpoint"), kinds.count("job"))


@pytest.mark.parametrize(("quota", "most"), [(1, 1), (2, 2)])
def test_processes_launch_at_once_what_the_quota_allows(tmp_path: Path, quota: int, most: int) -> None:
    @dataclass
    class Slow(FakeLauncher):
        most: int = 0

        @contextmanager
        def serving(self, spec: EndpointSpec) -> Iterator[FakeEndpoint]:
            with super().serving(spec) as endpoint:
                self.most = max(self.most, self.open)
                time.sleep(0.3)
                yield endpoint

    launcher = Slow()
    workloads = [Generation(precision=one) for one in ("bf16", "fp16", "fp32")]
    sources = [source(tmp_path, launcher) for _ in workloads]
    sources[0].machines.write_quotas({"ml.g5.2xlarge for endpoint usage": quota})

    def work(one: SageMakerSource) -> None:
        ((*placed,),) = expected(one, tuple(workloads))
        one.draw(placed, 3, timed=True)

    with ThreadPoolExecutor() as pool:
        list(pool.map(work, sources))
    assert (len(launcher.endpoints), launcher.most) == (3, most)


def test_rounds_that_end_in_another_order_are_told_in_theirs(tmp_path: Path) -> None:
    one = source(tmp_path)
    ((run,),) = expected(one, (Training(zero_stage=3),))
    for launch in reversed(one.plan.launches):
        one._launch(launch)
    assert one.evidence(run).rounds == (1, 2, 3)


# What comes of it


def test_evidence_tells_where_it_was_measured_and_with_what(tmp_path: Path) -> None:
    one = source(tmp_path, commit="abc")
    ((placed,),) = expected(one, (SHORT,))
    one.draw([placed], 3, timed=True)
    provenance = one.evidence(placed).provenance
    assert (provenance.hardware, provenance.instance_type, provenance.commit) == ("1 x A10G", G5, "abc")
    assert provenance.software == {
        "torch": "2.13.0",
        "image": "djl-inference:0.38.0-lmi29.0.0-cu130",
        "image digest": "sha256:0",
        "stack": "current",
    }


def test_no_capacity_is_inconclusive_never_a_failure_of_the_claim(tmp_path: Path) -> None:
    one = source(tmp_path, FakeLauncher(refusal=NoCapacity("AWS has no ml.g5.2xlarge left")))
    ((placed,),) = expected(one, (SHORT,))
    one.draw([placed], 3, timed=True)
    with pytest.raises(Inconclusive, match=r"^no capacity: AWS has no ml\.g5\.2xlarge left$"):
        one.evidence(placed)
    assert one.budget.spent_usd == 0


def test_a_launch_that_failed_is_remembered_and_not_tried_again(tmp_path: Path) -> None:
    launcher = FakeLauncher(refusal=CloudError("it broke"))
    one = source(tmp_path, launcher)
    (first,), (second,) = expected(one, (SHORT,), (LONG,))
    for placed in (first, second):
        one.draw([placed], 3, timed=True)
        with pytest.raises(ProgramError, match=r"endpoint on ml\.g5\.2xlarge: it broke"):
            one.evidence(placed)
    assert len(launcher.endpoints) == 1


@pytest.mark.parametrize("workload", [SHORT, Training()], ids=["endpoint", "job"])
def test_an_answer_without_an_image_digest_is_read(tmp_path: Path, workload: Any) -> None:
    launcher = FakeLauncher(digest=None)
    one = source(tmp_path, launcher)
    (first,), (again,) = expected(one, (workload,), (workload,))
    for placed in (first, again):
        one.draw([placed], 3, timed=True)
        assert "image digest" not in one.evidence(placed).provenance.software
    assert len(launcher.endpoints) + len(launcher.jobs) == 1


def garbled(body: bytes) -> bytes:
    return b"<html>so sorry, account 123456789012</html>" if b"latency" in body else body


def test_an_answer_that_cannot_be_read_is_kept_paid_for_and_not_measured_again(tmp_path: Path) -> None:
    launcher = FakeLauncher(garble=garbled)
    one = source(tmp_path, launcher, unread_folder=tmp_path / "unread")
    (first,), (second,) = expected(one, (SHORT,), (LONG,))
    for placed in (first, second):
        one.draw([placed], 3, timed=True)
        with pytest.raises(ProgramError, match=r"endpoint on ml\.g5\.2xlarge: JSONDecodeError: .* raw answers are in"):
            one.evidence(placed)
    assert len(launcher.endpoints) == 1
    (kept,) = (tmp_path / "unread").iterdir()
    assert "<html>so sorry, account <account></html>" in kept.read_text()
    assert one.budget.spent_usd > 0


def test_a_test_that_ends_at_its_time_limit_ends_its_launch_for_all(tmp_path: Path) -> None:
    launcher = FakeLauncher(refusal=pytest.fail.Exception("Timeout >600.0s"))  # type: ignore[arg-type]
    one = source(tmp_path, launcher)
    (first,), (second,) = expected(one, (SHORT,), (LONG,))
    with pytest.raises(pytest.fail.Exception):
        one.draw([first], 3, timed=True)
    for placed in (first, second):
        one.draw([placed], 3, timed=True)
        with pytest.raises(ProgramError, match="Timeout >600"):
            one.evidence(placed)
    assert len(launcher.endpoints) == 1


def test_what_a_process_launched_that_died_is_not_launched_by_another(tmp_path: Path) -> None:
    launcher = FakeLauncher()
    one = source(tmp_path, launcher)
    ((placed,),) = expected(one, (SHORT,))
    one._answers.mark_begun(one.plan.launches[0].key)
    one.draw([placed], 3, timed=True)
    with pytest.raises(ProgramError, match="died before it had all answers; it is not launched again"):
        one.evidence(placed)
    assert launcher.endpoints == []


def test_an_answer_of_a_job_that_cannot_be_read_loses_no_other(tmp_path: Path) -> None:
    def once_in_another_form(request: Json) -> Json:
        return {"colour": "blue"} if request["round"] == 1 else answer(request)

    one = source(tmp_path, FakeLauncher(program=once_in_another_form), unread_folder=tmp_path / "unread")
    ((run,),) = expected(one, (Training(),))
    one.draw([run], 3, timed=True)
    with pytest.raises(ProgramError, match=r"1 of 3 requests have no answer: .* not one of the protocol: colour"):
        one.evidence(run)
    assert one._answers.rounds(run.key) == {2, 3}


def test_a_run_that_was_not_what_was_asked_is_refused(tmp_path: Path) -> None:
    def in_another_precision(request: Json) -> Json:
        told = answer(request)
        return {**told, "witness": {**told["witness"], "forward_dtypes": ["float32"]}}

    one = source(tmp_path, FakeLauncher(program=in_another_precision))
    ((placed,),) = expected(one, (SHORT,))
    one.draw([placed], 3, timed=True)
    with pytest.raises(ProgramError, match=r"forward_dtypes: asked \('bfloat16',\), the run saw \('float32',\)"):
        one.evidence(placed)


@pytest.mark.parametrize(("between", "sound"), [((SOCKET,), True), ((), False)], ids=["sockets", "silent"])
def test_a_run_without_rdma_needs_a_log_that_shows_it(tmp_path: Path, between: tuple[str, ...], sound: bool) -> None:
    one = source(tmp_path, FakeLauncher(between=between))
    ((run,),) = expected(one, (Training(rdma=False),))
    one.draw([run], 3, timed=True)
    if sound:
        assert one.evidence(run).witness.rdma is False
    else:
        with pytest.raises(ProgramError, match="rdma: asked False, the run saw None"):
            one.evidence(run)


def test_want_of_memory_is_evidence(tmp_path: Path) -> None:
    def killed(request: Json) -> Json:
        outcome = {"kind": "out_of_memory", "signature": "killed by SIGKILL; the kernel counts 1 kill(s)"}
        return {"dies": {"outcome": outcome, "witness": {"model_server": True}}}

    one = source(tmp_path, FakeLauncher(program=killed), stack=DOCUMENT)
    ((placed,),) = expected(one, (Loading(engine="deepspeed"),))
    one.draw([placed], 1, timed=False)
    assert one.evidence(placed).outcome.kind == "out_of_memory"
    assert one.evidence(placed).instance_type == "g4dn.xlarge"


@pytest.mark.parametrize("workload", [Generation(engine="deepspeed"), Loading(engine="deepspeed")])
def test_an_engine_that_did_nothing_leaves_its_claims_untestable(tmp_path: Path, workload: Any) -> None:
    def did_nothing(request: Json) -> Json:
        outcome = {"kind": "failed", "signature": "NotMeasured: DeepSpeed 0.8.0 replaced no module of a Llama"}
        return {"outcome": outcome, "witness": {"model_server": True}}

    one = source(tmp_path, FakeLauncher(program=did_nothing), stack=DOCUMENT)
    ((placed,),) = expected(one, (workload,))
    one.draw([placed], 3, timed=True)
    with pytest.raises(Untestable, match=r"^DeepSpeed 0\.8\.0 replaced no module of a Llama$"):
        one.evidence(placed)


def test_what_the_program_in_a_container_cannot_run_is_untestable(tmp_path: Path) -> None:
    def refusing(request: Json) -> Json:
        outcome = {"kind": "failed", "signature": "UnsupportedWorkload: no such engine"}
        return {"outcome": outcome, "unsupported": "no such engine"}

    one = source(tmp_path, FakeLauncher(program=refusing))
    ((placed,),) = expected(one, (SHORT,))
    one.draw([placed], 3, timed=True)
    with pytest.raises(Untestable, match=r"^no such engine$"):
        one.evidence(placed)


def test_the_budget_ends_launching_and_what_is_left_says_so(tmp_path: Path) -> None:
    launcher = FakeLauncher()
    one = source(tmp_path, launcher, budget_usd=1.0)
    ((short, run),) = expected(one, (SHORT, Training()))
    one.draw([short, run], 3, timed=True)
    assert one.evidence(short).rounds
    with pytest.raises(Untestable, match=r"the budget of \$1.00 is spent: \$1.00 are left, this needs"):
        one.evidence(run)
    assert launcher.jobs == []


def test_secrets_in_what_a_run_says_are_taken_out(tmp_path: Path) -> None:
    def killed(request: Json) -> Json:
        words = "reading arn:aws:s3:::our-bucket of account 123456789012 ran out of memory"
        return {"dies": {"outcome": {"kind": "out_of_memory", "signature": words}, "witness": {"model_server": True}}}

    one = source(tmp_path, FakeLauncher(program=killed), stack=DOCUMENT)
    ((placed,),) = expected(one, (Loading(engine="deepspeed"),))
    one.draw([placed], 1, timed=False)
    assert one.evidence(placed).outcome.signature == "reading <arn> of account <account> ran out of memory"


def test_an_emulators_evidence_says_that_it_is_one(tmp_path: Path) -> None:
    one = source(tmp_path, stack=LOCAL, emulated=True, instances=frozenset())
    placed = one.place(Generation(input_tokens=10), None, None)
    assert placed.workload.model == "llama-30m"
    one.draw([placed], 2, timed=True)
    provenance = one.evidence(placed).provenance
    assert provenance.hardware.startswith(EMULATED)
    assert provenance.instance_type is None


def test_what_was_never_measured_says_so(tmp_path: Path) -> None:
    one = source(tmp_path)
    with pytest.raises(ProgramError, match="has not been measured in this run"):
        one.evidence(one.place(SHORT, None, None))
