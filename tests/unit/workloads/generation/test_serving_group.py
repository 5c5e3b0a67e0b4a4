"""A serving group: processes that answer together, and end together."""

from __future__ import annotations

from scripts import Start, lines_of

CODE = """
import os
from llm_claims.workloads.generation.serving_group import ServingGroup
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.generation.workload import GenerationWitness as Witness
from llm_claims.workloads.llm.ranks import RankError
from llm_claims.workloads.protocol import Answer, Request
from llm_claims.workloads.registry import register

register(Generation)
request = Request(workload=Generation(), round=1, seed=7)

def group(name, degree):
    return ServingGroup(lambda: lambda line: Answer(witness=Witness(device=os.environ[name])).model_dump_json(), degree)

same = group("WORLD_SIZE", 3)
print(*(same.ask(request).witness.device for _ in range(2)))
other = group("RANK", 2)
try:
    other.ask(request)
except RankError as error:
    print(error)
for one in (same, other):
    one.close()
"""


def test_the_first_one_s_answer_counts_if_all_saw_the_same(start: Start) -> None:
    assert lines_of(start(CODE)) == ["3 3", "ranks 0 and 1 saw different runs: device: '0' and '1'"]
