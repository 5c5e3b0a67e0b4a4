"""The HTML page: one plain file, readable offline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from llm_claims.document.register import Register
from llm_claims.report.cells import GRAVITY, Table, effect_text
from llm_claims.report.scaling import ScalingTable


def page(
    table: Table,
    register: Register,
    remarks: Sequence[str] = (),
    scaling: Sequence[ScalingTable] = (),
    *,
    part: bool = False,
) -> str:
    """Render the table as one self-contained HTML page; everything from files is escaped.

    ``remarks`` say what a reader has to know of the whole run, ``scaling`` how speeds follow the number of GPUs;
    ``part`` says that the run judged a part of the suite.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("llm_claims.report"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("index.html.j2").render(
        table=table,
        register=register,
        words=GRAVITY,
        effect_text=effect_text,
        remarks=remarks,
        scaling=scaling,
        part=part,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
