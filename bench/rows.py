"""A line of the table: what was measured, against what, and whether the goal was met."""

import dataclasses
import statistics


@dataclasses.dataclass
class Row:
    bench: str
    what: str
    ours: float
    unit: str
    baseline: str = ""  # its name
    baseline_value: float | None = None
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None  # None: there is no goal

    def cells(self):
        """What people read: what, ours, baseline, ratio, goal, met."""
        baseline = f"{self.baseline} {number(self.baseline_value)}" if self.baseline_value is not None else self.baseline
        ratio = "" if self.ratio is None else f"{number(self.ratio)} ×"
        met = {True: "met", False: "MISSED", None: ""}[self.met]
        return [self.what, f"{number(self.ours)} {self.unit}", baseline, ratio, self.goal, met]


COLUMNS = ["what", "ours", "baseline", "ratio", "goal", "met"]


def number(value):
    """With about three digits; large ones whole, with thousands set apart."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def at_least(bench, what, ours, unit, baseline, baseline_value, times):
    """The goal is so many times the baseline."""
    ratio = ours / baseline_value if baseline_value else float("inf")
    return Row(bench, what, ours, unit, baseline, baseline_value, ratio, f"≥ {times:g} × {baseline}", ratio >= times)


def at_most(bench, what, ours, unit, baseline, baseline_value, times):
    ratio = ours / baseline_value if baseline_value else float("inf")
    return Row(bench, what, ours, unit, baseline, baseline_value, ratio, f"≤ {times:g} × {baseline}", ratio <= times)


def within(bench, what, ours, unit, most):
    return Row(bench, what, ours, unit, goal=f"≤ {most:g} {unit}", met=ours <= most)


@dataclasses.dataclass
class Result:
    """Of one bench. `faults`: what was lost, doubled or refused; with any of them the run has failed. `details`: for the JSON and the charts."""

    rows: list = dataclasses.field(default_factory=list)
    faults: list = dataclasses.field(default_factory=list)
    details: dict = dataclasses.field(default_factory=dict)


median = statistics.median
