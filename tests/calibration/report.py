"""``docs/calibration.md`` and its pictures, from the rates that `calibrate` found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.calibration.calibrate import Cells

GOALS = {"1": 26, "2": 70, "3": 91, "5": 98}
TEXT = """\
# How far the change detector can be trusted

Written by `make calibrate`; not to be edited by hand. Seeds {seeds[0]} and {seeds[1]} together; they differ by at most
{apart:.1f} standard errors in {cells} cells ({where}). A rate is in percent of simulated series, ± two standard
errors. Noise has a standard deviation of 3% on the log scale where nothing else is said. A model of noise that is the
same at every level (normal, t3, AR(1)) gives the same alarms at 1% as at 5%: the detector does not know the level.

## False alarms in 100 quiet nights

Goal: at most 5% under normal noise, at most 6% under t3, AR(1) 0.3 and two humps (0.52 and 0.59 s, 2% within a hump).

{alarms}

Apache Otava (0.8, its defaults) and asv (0.6, its threshold of 5%) look at the whole series every night from the tenth
on; `mean:5%` is pytest-benchmark's `--benchmark-compare-fail` against the night before. The windowed tests compare
the last 1, 2, 3, 5 or 8 nights with the 30 before them, from the 31st night on, at the p that keeps 5% under the
noise that is named, normal if none is. Welch's own test is of no use on two or three nights: by chance two of them are
nearly equal, so that p must be 10⁻¹¹ to keep the budget.

![False alarms](calibration-alarms.svg)

## Power: +10% after 30 quiet nights

Share of the changes found after 1, 2, 3 and 5 nights, of series without an alarm before.

{power}

![Power](calibration-power.svg)

### What cannot be reached, and why

The goals for normal noise are 26, 70, 91 and 98%. The table bounds the power of *any* detector that does not know
level and noise but does know that the change is +10%, a rise, and when it would begin, and that spends the budget
evenly over nights 31 to 100 and on nothing else (weak duality of the Neyman-Pearson lemma,
`tests/calibration/bounds.py`).

{bounds}

A detector that must hold 6% under t3 as well cannot find 26% on the first night: after 30 nights, heavy tails are told
from normal ones too seldom, and a single night five sigmas out is what t3 shows. On nights 2 and 3 the bound leaves
room, of which a detector that also watches for changes of other sizes, of other ages, to the other side, and under two
humps, takes a part.

## Other sizes, noises and directions

Power after so many nights, normal noise, 30 nights before. A fall gets a tenth of the budget.

{sizes}

## Noise of other kinds

The detector was derived with normal noise, t3, AR(1) 0.3 and two humps. These it had not seen. Recorded noise is
resampled from what rounds of one workload differ by in a recording, at its own level (5 to 8%).

{further}

Strong autocorrelation (0.5), and autocorrelation together with heavy tails, alarm more often than promised: a run of
slow nights is then no evidence of a change, and a hundred nights are too few to learn it from.

## Other budgets

Normal noise. The boundary was simulated at 7·10⁻⁴ alarms a night, and moves with the budget by two slopes that were
simulated too.

{budgets}

## Intervals

Of the changes that were found: how often the 95% interval holds the true ratio, at the first alarm (which large
estimates reach first) and ten nights later; and how often the night is right to one.

{intervals}

## Time

An update takes {update:.2f} ms at a thousand nights (median); 100 metrics of 1,000 nights each take {all:.1f} s.
"""


def write(
    docs: Path,
    cells: Cells,
    limits: dict[tuple[str, int], float],
    timing: tuple[float, float],
    seeds: tuple[int, int],
    apart: tuple[float, tuple[str, str, str]],
) -> None:
    """Write the page and both pictures."""
    tables = {name for name, _, _ in cells}
    power = [name for name in tables if name.startswith("power ")]
    order = list(dict.fromkeys(row for table, row, _ in cells if table == "alarms"))
    power.sort(key=lambda name: order.index(name.removeprefix("power ")))
    text = TEXT.format(
        seeds=seeds,
        apart=apart[0],
        where=", ".join(apart[1]),
        cells=len(cells),
        alarms=table(cells, "alarms", "noise"),
        power="\n\n".join(
            f"**{name.removeprefix('power ')}**\n\n{table(cells, name, 'nights', only='' if k < 3 else 'llm-claims')}"
            for k, name in enumerate(power)
        ),
        bounds=bounds_table(limits),
        sizes=table(cells, "sizes", "step"),
        further=table(cells, "further", "noise"),
        budgets=table(cells, "budgets", "budget"),
        intervals=table(cells, "intervals", "noise"),
        update=timing[0],
        all=timing[1],
    )
    (docs / "calibration.md").write_text(text, encoding="utf-8")
    draw(docs, cells)


def table(cells: Cells, name: str, corner: str, only: str = "") -> str:
    """One table of rates as Markdown."""
    rows = list(dict.fromkeys(row for table, row, _ in cells if table == name and row.startswith(only)))
    columns = list(dict.fromkeys(column for table, _, column in cells if table == name))
    lines = [f"| {corner} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for row in rows:
        found = (cells.get((name, row, column)) for column in columns)
        lines.append(f"| {row} | {' | '.join('–' if rate is None else str(rate) for rate in found)} |")
    return "\n".join(lines)


def bounds_table(limits: dict[tuple[str, int], float]) -> str:
    nights = list(dict.fromkeys(nights for _, nights in limits))
    lines = [f"| alarms kept | {' | '.join(f'{n}' for n in nights)} |", "|---" * (len(nights) + 1) + "|"]
    for name in dict.fromkeys(name for name, _ in limits):
        lines.append(f"| {name} | {' | '.join(f'≤ {100 * limits[name, n]:.0f}' for n in nights)} |")
    lines.append(f"| *goal* | {' | '.join(str(GOALS[str(n)]) for n in nights)} |")
    return "\n".join(lines)


def draw(docs: Path, cells: Cells) -> None:
    """Draw both pictures: few points, text as text, so that the files stay small."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "llm-claims", "font.size": 9})
    from matplotlib import pyplot as plt

    noises = list(dict.fromkeys(row for table, row, _ in cells if table == "alarms"))
    names = list(dict.fromkeys(column for table, _, column in cells if table == "alarms"))

    figure, axes = plt.subplots(figsize=(7.5, 3.4))
    for number, name in enumerate(names):
        shown = [
            (k, cells["alarms", noise, name]) for k, noise in enumerate(noises) if ("alarms", noise, name) in cells
        ]
        axes.errorbar(
            [k + 0.08 * (number - len(names) / 2) for k, _ in shown],
            [100 * rate.share for _, rate in shown],
            yerr=[200 * rate.error for _, rate in shown],
            fmt="o",
            markersize=4,
            label=name,
        )
    axes.axhline(5, color="grey", linewidth=0.8)
    axes.set(yscale="symlog", ylabel="alarms in 100 quiet nights, %", ylim=(0, 110), yticks=(0, 1, 5, 10, 50, 100))
    axes.set_yticklabels(["0", "1", "5", "10", "50", "100"])
    axes.set_xticks(range(len(noises)), [noise.replace(", ", ",\n", 1) for noise in noises], fontsize=7)
    axes.legend(fontsize=7, ncols=2)
    save(figure, docs / "calibration-alarms.svg")

    figure, both = plt.subplots(1, 2, figsize=(7.5, 3.2), sharey=True)
    for axes, noise in zip(both, noises[:2], strict=True):
        for name in names:
            found = [(int(c), rate) for (t, row, c), rate in cells.items() if t == f"power {noise}" and row == name]
            axes.errorbar(
                [nights for nights, _ in found],
                [100 * rate.share for _, rate in found],
                yerr=[200 * rate.error for _, rate in found],
                marker="o",
                markersize=3,
                linewidth=1,
                label=name,
            )
        axes.set(title=noise, xlabel="nights after +10%", xticks=[1, 2, 3, 5], ylim=(0, 102))
    both[0].plot([int(n) for n in GOALS], list(GOALS.values()), "k_", label="goal, normal noise")
    both[0].set_ylabel("found, %")
    both[1].legend(fontsize=6)
    save(figure, docs / "calibration-power.svg")


def save(figure: object, path: Path) -> None:
    figure.tight_layout()  # type: ignore[attr-defined]
    figure.savefig(path, metadata={"Date": None})  # type: ignore[attr-defined]
