"""A series: the samples of one quantity, each with the interval that contains it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from llm_claims.errors import EvidenceError, UnpairedError

Spread = Literal["exact", "printed", "sampled"]
_ORDER: tuple[Spread, ...] = ("exact", "printed", "sampled")


@dataclass(frozen=True)
class Factor:
    """A metric of one workload, by the kind and the key of its evidence."""

    kind: str
    metric: str
    key: str


@dataclass(frozen=True)
class Series:
    """Samples of one quantity.

    Attributes
    ----------
    values : the samples, shape (n,), finite, in ``unit``.
    lower, upper : for each sample the interval that contains it: that of its rounding if it was printed with few
        digits, of the clock's resolution if it was timed; equal to the value of a count.
    rounds : for sampled series the measuring round of each sample, shape (n,); empty otherwise.
    spread : "exact" (a count), "printed" (a figure from a page), "sampled" (noisy, live).
    factors : of a sampled series the measured metrics that it is a product of, each with its power; ``None`` if it is
        no product, or of unknown origin.
    """

    values: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    unit: str
    spread: Spread
    rounds: tuple[int, ...] = ()
    factors: tuple[tuple[Factor, float], ...] | None = None

    def __post_init__(self) -> None:
        """Refuse a series without samples, with a NaN or an infinity, or with two samples of one round.

        Raises
        ------
        EvidenceError
            The series is empty, has a sample that is not a finite number or that lies outside of its
            own interval, or is live and has not a round of its own for each sample.
        """
        if not self.values:
            raise EvidenceError("a series needs at least one sample")
        if not all(map(math.isfinite, (*self.values, *self.lower, *self.upper))):
            raise EvidenceError(f"a series has a sample that is not a finite number: {self.values}")
        bounds = zip(self.lower, self.values, self.upper, strict=True)
        if not all(lower <= value <= upper for lower, value, upper in bounds):
            raise EvidenceError(f"a series has a sample outside of its own interval: {self.values}")
        if self.spread == "sampled" and not self.n == len(self.rounds) == len(set(self.rounds)):
            raise EvidenceError(f"{self.n} live samples need as many rounds, got {self.rounds}")

    @classmethod
    def exact(cls, *values: float, unit: str) -> Series:
        """Build a series without any error, as of counts."""
        return cls(values, values, values, unit, "exact")

    @classmethod
    def sampled(
        cls,
        values: tuple[float, ...],
        unit: str,
        rounds: tuple[int, ...] = (),
        resolution_at: Callable[[float], float] = lambda _: 0.0,
    ) -> Series:
        """Build a noisy series; without ``rounds`` the samples are taken as rounds 1, 2, 3, ….

        ``resolution_at`` is the width of the interval that a sample of a value stands for, in ``unit``.
        """
        halves = [resolution_at(value) / 2 for value in values]
        lower, upper = (tuple(v + s * h for v, h in zip(values, halves, strict=True)) for s in (-1, 1))
        return cls(values, lower, upper, unit, "sampled", rounds or tuple(range(1, len(values) + 1)))

    @classmethod
    def printed(
        cls,
        values: tuple[float, ...],
        unit: str,
        resolution: float,
        rounding: Literal["nearest", "down"] = "nearest",
    ) -> Series:
        """Build a series of printed figures: each is the interval of what would have printed so.

        The bounds are decimal arithmetic, rounded once: figures that are neighbours share theirs.
        """
        digit = Decimal(repr(float(resolution)))
        below, above = (Decimal(0), digit) if rounding == "down" else (digit / 2, digit / 2)
        figures = [Decimal(repr(float(v))) for v in values]
        lower, upper = (tuple(float(f + by) for f in figures) for by in (-below, above))
        return cls(values, lower, upper, unit, "printed")

    @property
    def n(self) -> int:
        """Number of samples."""
        return len(self.values)


def _aligned(a: Series, b: Series) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Indices into ``a`` and ``b`` of the samples that belong together, and their rounds."""
    if a.rounds and b.rounds:
        rounds = tuple(sorted(set(a.rounds) & set(b.rounds)))
        if not rounds:
            raise UnpairedError("two live series share no round: they were not measured interleaved")
        return tuple(map(a.rounds.index, rounds)), tuple(map(b.rounds.index, rounds)), rounds
    rounds, figures = (a.rounds, b) if a.rounds else (b.rounds, a)
    if rounds and figures.n > 1:
        raise EvidenceError(f"a live series pairs up with one figure, not with {figures.n}: no round is theirs")
    n = max(a.n, b.n)
    if not {a.n, b.n} <= {1, n}:
        raise EvidenceError(f"two series of {a.n} and {b.n} samples do not pair up")
    return tuple(range(n)) if a.n == n else (0,) * n, tuple(range(n)) if b.n == n else (0,) * n, rounds


def paired(a: Series, b: Series) -> list[tuple[int, int]]:
    """Indices into two live series of the samples of each round that both have.

    Raises
    ------
    UnpairedError
        They share no round.
    """
    left, right, _ = _aligned(a, b)
    return list(zip(left, right, strict=True))


def combine(
    a: Series, b: Series, operation: Callable[[float, float], float], unit: str, power: float | None = None
) -> Series:
    """Apply a monotone ``operation`` sample by sample, carrying rounding intervals along.

    ``power`` is that of ``b`` where the operation is a product with it.

    Live series are paired by round, so that noise common to a round cancels. Intervals follow
    interval arithmetic: the extremes over the corners (Moore, *Interval Analysis*, 1966, ch. 2).

    Raises
    ------
    EvidenceError
        The series do not pair up, or the operation is undefined on them (a division by zero).
    """
    left, right, rounds = _aligned(a, b)
    spread = max(a.spread, b.spread, key=_ORDER.index)
    values, lower, upper = [], [], []
    try:
        for i, j in zip(left, right, strict=True):
            corners = [operation(x, y) for x in (a.lower[i], a.upper[i]) for y in (b.lower[j], b.upper[j])]
            values.append(operation(a.values[i], b.values[j]))
            lower.append(min(corners))
            upper.append(max(corners))
    except ZeroDivisionError:
        raise EvidenceError(f"a division by zero: {a.values} {a.unit} over {b.values} {b.unit}") from None
    sampled = spread == "sampled"
    factors = _factors(a, b, power) if sampled and power is not None else None
    return Series(tuple(values), tuple(lower), tuple(upper), unit, spread, rounds if sampled else (), factors)


def _factors(a: Series, b: Series, power: float) -> tuple[tuple[Factor, float], ...] | None:
    """Return what a product with a power of ``b`` is made of; figures that are not sampled have no part in it."""
    powers: dict[Factor, float] = {}
    for series, exponent in ((a, 1.0), (b, power)):
        if series.spread != "sampled":
            continue
        if series.factors is None:
            return None
        for factor, own in series.factors:
            powers[factor] = powers.get(factor, 0.0) + own * exponent
    return tuple((factor, exponent) for factor, exponent in powers.items() if exponent)


def quotient(a: Series, b: Series, unit: str) -> Series:
    """Divide sample by sample; division is monotone only where the denominator cannot be zero.

    Raises
    ------
    EvidenceError
        The series do not pair up, or zero lies in the interval of a denominator.
    """
    if any(lower <= 0 <= upper for lower, upper in zip(b.lower, b.upper, strict=True)):
        raise EvidenceError(f"a division by what may be zero: {a.values} {a.unit} over {b.values} {b.unit}")
    return combine(a, b, operator.truediv, unit, power=-1)


def times_power(a: Series, b: Series, power: float) -> Series:
    """Multiply ``a`` with a power of ``b``, sample by sample.

    Raises
    ------
    EvidenceError
        The series do not pair up, or what may be negative, or zero, has no such power.
    """
    if min(b.lower) < 0:
        raise EvidenceError(f"what may be negative has no power of {power:g}: {min(b.lower):g} {b.unit}")
    return combine(a, b, lambda x, y: x * y**power, "ratio", power=power)
