"""A crew: processes that answer together, and end together."""

from __future__ import annotations

from scripts import Start, lines_of

CODE = """
import os
from llm_claims.workloads.generation.crew import Crew
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.generation.workload import GenerationWitness as Witness
from llm_claims.workloads.llm.ranks import RankError
from llm_claims.workloads.protocol import Answer, Request
from llm_claims.workloads.registry import register

register(Generation)
request = Request(workload=Generation(), round=1, seed=7)

def crew(name, degree):
    return Crew(lambda: lambda line: Answer(witness=Witness(device=os.environ[name])).model_dump_json(), degree)

same = crew("WORLD_SIZE", 3)
print(*(same.ask(request).witness.device for _ in range(2)))
other = crew("RANK", 2)
try:
    other.ask(request)
except RankError as error:
    print(error)
for one in (same, other):
    one.close()
"""


def test_the_first_one_s_answer_counts_if_all_saw_the_same(start: Start) -> None:
    assert lines_of(start(CODE)) == ["3 3", "ranks 0 and 1 saw different runs: device: '0' and '1'"]


FORKING = """
from types import SimpleNamespace
from llm_claims.workloads.generation import crews, program
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.protocol import Answer, Request

class Member:
    def __init__(self, key, calls):
        self.answer = lambda line: Answer(metrics={"calls": calls}).model_dump_json()

program.prepare_environment()
crews.Member = Member
crews.find_devices = lambda: SimpleNamespace(memory_mib=80_000)
request = Request(workload=Generation(api="generate", input_tokens=8, new_tokens=8), round=1, seed=7)
print(crews.Crews(3).run(request).metrics)
"""


def test_the_program_for_gpus_has_no_threads_when_it_has_imported_everything(start: Start) -> None:
    assert lines_of(start(FORKING)) == ["{'calls': 3.0}"]
