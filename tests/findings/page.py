"""The page and its plots: what findings.toml says, with the figures that the verdicts have today."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from llm_claims.evidence.recordings import Recording
from llm_claims.judging.rows import VerdictRow
from llm_claims.relations.verdict import Word
from llm_claims.report.cells import SYMBOLS
from tests.claims.sagemaker_llama.margins import LEAST_NAMED_DIFFERENCE

from .facts import Facts
from .plot import effect_plot, interval_text, inverse

SENTENCES = Path(__file__).with_name("findings.toml")
FOLDER = "findings"
"""Of the plots, beside the page."""
RECORDED = 'pytest tests/claims -m "cpu and not live"'
HELD = (Word.REPRODUCED, Word.WEAKENED)
HEAD = """# Findings: what documents say, beside what was measured

{claims} claims of {documents} documents, judged on {recordings} recordings beside the documents' own figures ({own}).
Figures are effects with their interval; in the plots a diamond is the document's own figure, a dot a recording,
and a bar the interval. ✓ reproduced, ~ weakened, ✗ contradicted, ? inconclusive ([what a verdict means](verdicts.md)).
Sizes are compared on the document's own hardware alone; elsewhere the direction counts.

"The write-up" is *{first}*.
In many of its claims a difference counts only from the least that it names itself, {margin:.1%}. So an interval beside
×1 can still be ?, and one around ×1 can be ✗: that the two differ by so much is then not so.

Every verdict here is judged again, in seconds and without a GPU, by `{command}`.
The command under each finding measures it again on your GPUs. Where a finding names two or four GPUs, it needs as many;
findings 3 and 9 need `make weights` first. `make findings` makes this page anew; a test holds it equal to the verdicts.
[Bug reports](reports.md) have a page of their own.
"""


def sentences() -> dict[str, Any]:
    """What was written by hand."""
    return tomllib.loads(SENTENCES.read_text(encoding="utf-8"))


class Page:
    """The page, and its plots by file name."""

    def __init__(self, facts: Facts, said: Mapping[str, Any] | None = None) -> None:
        self.facts = facts
        self.said = said if said is not None else sentences()
        self.plots: dict[str, str] = {}
        self._told: set[str] = set()
        parts = [self._head(), *self._findings(), *self._disagreements()]
        parts += [self._rest(), self._near(), self._recordings(), self._unrecorded()]
        self.text = "\n".join(parts)

    def write(self, docs: Path) -> None:
        """Write the page into ``docs``, and the plots beside it; plots that it no longer has are removed."""
        folder = docs / FOLDER
        folder.mkdir(exist_ok=True)
        for path in folder.glob("*.svg"):
            path.unlink()
        for name, plot in self.plots.items():
            (folder / name).write_text(plot, encoding="utf-8")
        (docs / "findings.md").write_text(self.text, encoding="utf-8")

    def _head(self) -> str:
        counts = {
            "claims": len(self.facts.statements),
            "documents": len(self.facts.registers),
            "recordings": len(self.facts.all) - len(self.facts.own),
            "own": ", ".join(f"`{name}`" for name in sorted(self.facts.own)),
        }
        first = self.facts.registers["sagemaker_llama"]["document"]
        return HEAD.format(**counts, command=RECORDED, first=first, margin=LEAST_NAMED_DIFFERENCE)

    def _findings(self) -> Iterator[str]:
        for number, finding in enumerate(self.said["finding"], start=1):
            claims = list(dict.fromkeys(plot["claim"] for plot in finding["plots"]))
            self._told.update(claims)
            yield f"## {number}. {finding['title']}\n"
            yield f"**{self.facts.filled(finding['figure'])}**\n"
            yield from self._drawn(finding["name"], finding["plots"])
            yield f"{self.facts.filled(finding['means'])}\n"
            if "more" in finding:
                yield "<details>\n<summary>What is known of the cause</summary>\n"
                yield f"{self.facts.filled(finding['more'])}\n"
                yield "</details>\n"
            yield from (
                f"Judged otherwise than by the document, `{claim}`: {why}.\n" for claim, why in self._why(claims)
            )
            command = " ".join(["pytest tests/claims -m gpu", *(f"--claim {claim}" for claim in claims)])
            yield f"```bash\n{command}\n```\n"

    def _drawn(self, name: str, plots: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        """Draw plots, and yield the line that shows each."""
        for number, plot in enumerate(plots, start=1):
            rows = self.facts.rows_of(plot["claim"], plot.get("cases"))
            if plot.get("inverse"):
                rows = [inverse(row) for row in rows]
            labels = plot.get("labels", {})
            named = [row.model_copy(update={"case": labels.get(row.case, row.case)}) for row in rows]
            drawn = effect_plot(named, plot["axis"], self.facts.own)
            if drawn is None:
                continue
            file = f"{name}.svg" if number == 1 else f"{name}-{number}.svg"
            self.plots[file] = drawn
            yield f"![{plot['axis']}]({FOLDER}/{file})\n"

    # Where two documents disagree

    def _disagreements(self) -> Iterator[str]:
        pairs = [
            (id, other)
            for register in self.facts.registers.values()
            for id, claim in register["claims"].items()
            for other in claim.get("disagrees", ())
        ]
        if pairs:
            yield "## Where the documents disagree\n"
        for pair in pairs:
            written = [one for one in self.said["disagreement"] if set(one["claims"]) == set(pair)]
            said = written[0] if written else {"title": f"`{pair[0]}` and `{pair[1]}`"}
            self._told.update(pair)
            yield f"### {said['title']}\n"
            for claim in pair:
                own = [row for row in self.facts.rows_of(claim) if row.source in self.facts.own]
                yield f"- {self._document(claim)} says (`{claim}`): {self.facts.statements[claim]} {joined(own)}"
            yield ""
            yield from self._drawn(
                said.get("name", "-or-".join(pair)), said.get("plots") or [bare_plot(claim) for claim in pair]
            )
            means = [f"(`{claim}`: {why}.)" for claim, why in self._why(pair)] + [said.get("means", "")]
            yield " ".join([self._who_is_right(pair), *means]).strip() + "\n"

    def _document(self, claim: str) -> str:
        return str(self.facts.registers[self.facts.document_of[claim]]["document"]).partition(":")[0]

    def _who_is_right(self, pair: tuple[str, str]) -> str:
        """Say for each recording which of two claims its verdicts uphold."""
        told = []
        for source in self.facts.all.keys() - self.facts.own:
            rows = {claim: [row for row in self.facts.rows_of(claim) if row.source == source] for claim in pair}
            rows = {claim: found for claim, found in rows.items() if found}
            if rows:
                measured = "; ".join(f"`{claim}` {joined(found)}" for claim, found in rows.items())
                told.append(f"On `{source}` {self._upheld(rows)}: {measured}.")
        return " ".join(sorted(told)) or "Neither was measured."

    def _upheld(self, rows: Mapping[str, list[VerdictRow]]) -> str:
        """Say which claims hold there: those upheld in every case that was decided, if any was."""
        words = {claim: {row.verdict for row in found} for claim, found in rows.items()}
        upheld = [claim for claim, found in words.items() if found & set(HELD) and Word.CONTRADICTED not in found]
        denied = [claim for claim, found in words.items() if Word.CONTRADICTED in found and not found & set(HELD)]
        decided = any(found & {*HELD, Word.CONTRADICTED} for found in words.values())
        undecided = "it depends on the case" if decided else "nothing is decided"
        if len(rows) == 1:
            holds = "it holds" if upheld else "it does not hold" if denied else undecided
            return f"only what {self._document(next(iter(rows)))} says was measured, and {holds}"
        if len(upheld) == 2:
            return "each is right of what it ran"
        if len(upheld) == 1:
            return f"{self._document(upheld[0])} is right"
        return f"{' and '.join(map(self._document, denied))} is wrong" if denied else undecided

    # All the rest

    def _rest(self) -> str:
        claims = [claim for claim in self.facts.table.claims if claim not in self._told]
        claims.sort(key=lambda claim: claim not in self.facts.differing)
        lines = [
            "## Where a recording is judged otherwise, and all the rest",
            "",
            "Those judged otherwise than by the document, or contradicted by the document's own figures, come first,",
            "with the reason as far as it can be told. Of several cases the range is given.",
            "",
            "| claim | the document's own figures | recordings | why |",
            "| --- | --- | --- | --- |",
            *(self._row(claim) for claim in claims),
            "",
        ]
        return "\n".join(lines)

    def _why(self, claims: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield those that are judged otherwise, each with the reason that was written for it."""
        for claim in claims:
            if claim in self.facts.differing:
                yield claim, self.facts.filled(self.said["why"].get(claim, "nobody has told yet why"))

    def _row(self, claim: str) -> str:
        own, measured = [], []
        for source in self.facts.all:
            rows = list(self.facts.table.cell(claim, source).rows)
            if rows:
                (own if source in self.facts.own else measured).append((source, joined(rows)))
        cells = [
            f"`{claim}`: {self.facts.statements[claim]}",
            "; ".join(text for _, text in own),
            "; ".join(f"{source} {text}" for source, text in measured),
            dict(self._why([claim])).get(claim, ""),
        ]
        return f"| {' | '.join(cells)} |"

    # Beside the verdicts

    def _near(self) -> str:
        lines = ["## How near to the device's own speed", ""]
        lines += [
            "Medians of rounds; of several workloads from the least to the most. A trial was not recorded, and cannot"
        ]
        lines += ["be judged again.", "", "| what | recorded | what holds it down |", "| --- | --- | --- |"]
        for one in self.said["near"]:
            trial = f" In a trial: {one['trial']}" if "trial" in one else ""
            holds = self.facts.filled(one["holds"])
            lines.append(f"| {one['title']} | {self.facts.filled(one['recorded'])}{trial} | {holds} |")
        return "\n".join([*lines, ""])

    def _recordings(self) -> str:
        lines = ["## What was recorded", "", "What a machine had time for.", ""]
        lines += ["| recording | machine | workloads | rounds | what |", "|" + " --- |" * 5]
        for name, one in self.facts.all.items():
            if name not in self.facts.own:
                rounds = sorted({len(entry.rounds) for entry in one.evidence})
                shown = f"{rounds[0]} to {rounds[-1]}" if len(rounds) > 1 else str(rounds[0])
                what = self.said["notes"].get(name, "") + (" (all that was asked for)" if one.complete else "")
                lines.append(f"| `{name}` | {machine(one)} | {len(one.evidence)} | {shown} | {what.strip()} |")
        return "\n".join([*lines, ""])

    def _unrecorded(self) -> str:
        texts = (self.facts.filled(one["text"]) for one in self.said["unrecorded"])
        return "\n".join(["## What was not recorded, or is still open", "", *(f"- {text}" for text in texts), ""])


def joined(rows: Iterable[VerdictRow]) -> str:
    """Verdicts of several cases: the symbol of each word, its effect or the range of them, and how many cases."""
    held = list(rows)
    parts = []
    for word in dict.fromkeys(row.verdict for row in held):
        of_word = [row for row in held if row.verdict is word]
        shown = sorted((row for row in of_word if row.effect is not None), key=lambda row: row.effect or 0.0)
        shown = [row for row in shown if row.unit == shown[0].unit]
        texts = list(dict.fromkeys(interval_text(row) for row in shown))
        cases = f" ({len(of_word)} cases)" if len(of_word) > 1 else ""
        effects = texts[0] if len(texts) == 1 else " to ".join((texts[0], texts[-1])) if texts else ""
        parts.append(f"{SYMBOLS[word]} {effects}{cases}".replace("  ", " ").strip())
    return ", ".join(parts)


def bare_plot(claim: str) -> dict[str, str]:
    """A plot of a claim that nobody has written an axis for."""
    return {"claim": claim, "axis": f"effect of {claim}"}


def machine(recording: Recording) -> str:
    """The devices of a recording, or the hardware that its first entry names."""
    if recording.devices is not None:
        return f"{recording.devices.count} × {recording.devices.model}"
    return re.split(r"[(,]", recording.evidence[0].provenance.hardware)[0].strip()
