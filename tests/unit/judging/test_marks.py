"""The decorators of a claim's test."""

from __future__ import annotations

from llm_claims.document.setting import Setting
from llm_claims.judging.marks import claim, settings


def test_settings_parametrize_by_id_and_the_first_is_primary() -> None:
    held = (Setting("bf16", precision="bf16"), Setting("fp16", precision="fp16"))
    mark = settings(*held)
    assert (mark.name, mark.args[0], mark.kwargs["ids"]) == ("parametrize", "setting", ["bf16", "fp16"])
    assert [(one.id, one.fields(), one.is_primary) for one in mark.args[1]] == [
        ("bf16", {"precision": "bf16"}, True),
        ("fp16", {"precision": "fp16"}, False),
    ]


def test_a_claim_is_marked_with_its_id_and_place() -> None:
    @claim("serve-batch", place="page 7")
    def test_it() -> None: ...

    (mark,) = test_it.pytestmark
    assert (mark.name, mark.kwargs) == ("claim", {"id": "serve-batch", "place": "page 7"})
