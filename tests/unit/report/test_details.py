"""The closing table: everything but a plain agreement is spelled out."""

from __future__ import annotations

from builders import row

from llm_claims.judging.rows import VerdictRow
from llm_claims.relations.verdict import Word
from llm_claims.report.cells import table_of
from llm_claims.report.details import detailed_lines

SOURCES = ["paper", "cpu"]
CLAIMS = ["train-zero1", "serve-batch", "serve-price"]

ROWS = [
    row(Word.REPRODUCED, claim="train-zero1", case="bf16", effect=3.93, interval=(3.9, 3.96), n=1),
    row(Word.CONTRADICTED, claim="train-zero1", case="fp16", effect=0.5, interval=(0.41, 0.60001), n=1, reason="why"),
    row(Word.UNTESTABLE, claim="train-zero1", source="cpu", reason="no GPUs here"),
    row(Word.WEAKENED, claim="serve-batch", effect=2.0, interval=(1.9, 2.1), n=1, reason="not 3.33"),
    row(Word.INCONCLUSIVE, claim="serve-batch", source="cpu", effect=1.01, interval=(0.5, 2.0), n=5, reason="wide"),
    row(Word.UNTESTABLE, claim="serve-price", source="cpu", reason="no GPUs here"),
    row(Word.ERROR, claim="serve-price", reason="no metric"),
]


def text(*rows: VerdictRow) -> list[str]:
    return list(detailed_lines(table_of(rows, CLAIMS, SOURCES)))


def test_the_whole_table() -> None:
    assert text(*ROWS) == [
        "claim        paper                                 cpu",
        "-----------  ------------------------------------  ----------------------",
        "train-zero1  contradicted ×0.5 n=1 (1 of 2 cases)  untestable",
        "serve-batch  weakened ×2 n=1                       inconclusive ×1.01 n=5",
        "serve-price  error                                 untestable",
        "",
        "contradicted: train-zero1 [fp16], paper: ×0.5 [0.41, 0.6] n=1 why",
        "weakened: serve-batch, paper: ×2 [1.9, 2.1] n=1 not 3.33",
        "inconclusive: serve-batch, cpu: ×1.01 [0.5, 2] n=5 wide",
        "error: serve-price, paper: no metric",
        "cases disagree: train-zero1, paper: holds for bf16; contradicted for fp16",
        "untestable on cpu: 2 claims: no GPUs here",
        "",
        "3 claims, 7 cases",
        "  paper: 1 error, 1 contradicted, 1 weakened, 1 reproduced",
        "  cpu: 1 inconclusive, 2 untestable",
    ]


def test_an_agreement_is_in_the_table_only() -> None:
    lines = text(row(Word.REPRODUCED, claim="serve-batch", effect=2.0, n=3, reason="the document has 3.33 elsewhere"))
    assert [line for line in lines if "reproduced" in line] == [
        "serve-batch  reproduced ×2 n=3",
        "  paper: 1 reproduced",
    ]


def test_different_reasons_are_not_joined() -> None:
    rows = [
        row(Word.UNTESTABLE, claim="serve-batch", case="bf16", source="cpu", reason="no GPUs here"),
        row(Word.UNTESTABLE, claim="serve-batch", case="fp16", source="cpu", reason="no GPUs here"),
        row(Word.UNTESTABLE, claim="serve-price", source="cpu", reason="no prices here"),
        row(Word.UNTESTABLE, claim="serve-price", source="paper", reason="no prices here"),
    ]
    assert [line for line in text(*rows) if line.startswith("untestable on")] == [
        "untestable on cpu: serve-batch: no GPUs here",
        "untestable on cpu: serve-price: no prices here",
        "untestable on paper: serve-price: no prices here",
    ]


NOTE = "an analogue of EFA, not EFA: a link"


def test_a_note_is_told_once_a_claim_and_source() -> None:
    rows = [
        row(Word.REPRODUCED, claim="train-zero1", case="bf16", source="cpu", note=NOTE),
        row(Word.CONTRADICTED, claim="train-zero1", case="fp16", source="cpu", note=NOTE),
        row(Word.REPRODUCED, claim="train-zero1", case="fp32", source="cpu", note="an analogue of g4dn.xlarge"),
        row(Word.REPRODUCED, claim="train-zero1", source="paper"),
        row(Word.CONTRADICTED, claim="serve-batch", source="cpu", reason="why", note=NOTE),
    ]
    assert text(*rows)[-9:-4] == [
        "contradicted: serve-batch, cpu: why",
        "cases disagree: train-zero1, cpu: holds for bf16, fp32; contradicted for fp16",
        f"analogue: train-zero1, cpu: {NOTE}",
        "analogue: train-zero1, cpu: an analogue of g4dn.xlarge",
        f"analogue: serve-batch, cpu: {NOTE}",
    ]
