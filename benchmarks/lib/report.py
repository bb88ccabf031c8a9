"""Tables of ratios: every run of ours against the reference's next to it, median and spread of the pairs."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

Direction = Literal["at least", "at most"]
RUNS = 3


@dataclass
class Line:
    """One thing that is compared, in pairs of runs.

    Args:
        name: What.
        unit: Of the figures.
        bar: What the ratio, ours to the reference's, must reach; None when it is only shown.
        direction: On which side of the bar is good.
    """

    name: str
    unit: str
    bar: float | None = None
    direction: Direction = "at least"
    ours: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)

    def add(self, ours: float, reference: float) -> None:
        """Note one pair of runs."""
        self.ours.append(ours)
        self.reference.append(reference)

    @property
    def ratios(self) -> list[float]:
        """Ours to the reference's, pair by pair."""
        return [ours / reference for ours, reference in zip(self.ours, self.reference, strict=True)]

    @property
    def reached(self) -> bool:
        """Whether the median is on the right side of the bar."""
        if self.bar is None:
            return True
        ratio = median(self.ratios)
        return ratio >= self.bar if self.direction == "at least" else ratio <= self.bar

    def cells(self) -> tuple[str, ...]:
        """Return the line of the table."""
        spread = f"{median(self.ratios):.2f} ({min(self.ratios):.2f}-{max(self.ratios):.2f})"
        bar = "" if self.bar is None else f"{'>=' if self.direction == 'at least' else '<='} {self.bar:g}"
        verdict = "" if self.bar is None else "reached" if self.reached else "MISSED"
        ours, reference = figure(median(self.ours)), figure(median(self.reference))
        return self.name, self.unit, ours, reference, spread, bar, verdict


def limit(name: str, unit: str, bar: float, figures: Sequence[float]) -> Line:
    """Return the line of something that has an absolute limit, which takes the reference's place."""
    return Line(name, unit, 1.0, "at most", ours=list(figures), reference=[bar] * len(figures))


Slices = Mapping[str, list[float]]


def compare(lines: Mapping[str, Line], ours: Slices, reference: Slices, waited: str) -> str:
    """Fill lines by name with the calmer half of the slices, by what both sides waited for a core in each.

    On a machine that does other work as well, whoever is interrupted looks slow; which slices are taken depends on
    the waiting alone, never on the figures.

    Args:
        lines: By the names of their figures.
        ours: Figures of each slice, by name.
        reference: Likewise.
        waited: Name of the shares of time spent waiting.

    Returns:
        A remark on how calm the machine was.
    """
    waits = [max(pair) for pair in zip(ours[waited], reference[waited], strict=True)]
    taken = sorted(range(len(waits)), key=waits.__getitem__)[: (len(waits) + 1) // 2]
    for name, line in lines.items():
        for index in taken:
            line.add(ours[name][index], reference[name][index])
    return f"{', '.join(lines)}: {max(waits[index] for index in taken):.0%}"


HEAD = ("what", "unit", "ours", "reference", "ratio: median (min-max)", "bar", "")


def show(title: str, lines: Sequence[Line]) -> None:
    """Print a table in Markdown, so that it can be pasted into the documentation."""
    rows = [HEAD, *(line.cells() for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    print(f"\n{title}, {len(lines[0].ours)} interleaved runs\n")
    for index, row in enumerate(rows):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
        if index == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


def figure(value: float) -> str:
    """Return a number with three significant digits, thousands set apart."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def arguments(description: str | None, **defaults: float) -> argparse.Namespace:
    """Parse ``--runs`` and a benchmark's own numbers, each with its default."""
    parser = argparse.ArgumentParser(description=description)
    for name, value in {"runs": RUNS, **defaults}.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    return parser.parse_args()
