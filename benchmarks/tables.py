"""What was measured, as a Markdown table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .measure import Row

__all__ = ["line", "markdown", "report", "write"]

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
HEAD = "| # | what | here | beside it | goal |\n| --- | --- | --- | --- | --- |"


def line(row: Row) -> str:
    """One line of the table."""
    beside = "; ".join(f"{name} {figure}" for name, figure in row.beside.items())
    goals = "; ".join(str(goal) for goal in row.goals)
    return f"| {row.number} | {row.case} | {row.ours} | {beside} | {goals} |"


def report(
    machine: dict[str, str], rows: Sequence[Row], seconds: dict[str, float], total: float
) -> dict[str, Any]:
    """All that was measured, as JSON can carry it."""
    return {
        "machine": machine,
        "seconds": {**seconds, "all": round(total, 1)},
        "rows": [
            {
                **asdict(row),
                "goals": [{**asdict(goal), "met": goal.met} for goal in row.goals],
                "line": line(row),
            }
            for row in rows
        ],
    }


def markdown(found: dict[str, Any]) -> str:
    """The table of a report, and below it the machine."""
    lines = [row["line"] for row in found["rows"]]
    goals = [goal for row in found["rows"] for goal in row["goals"]]
    met = sum(goal["met"] for goal in goals)
    machine = ", ".join(f"{name} {value}" for name, value in found["machine"].items())
    return "\n".join(
        [
            HEAD,
            *lines,
            "",
            f"{met} of {len(goals)} goals met. Medians of measurements taken in turns, in"
            f" {found['seconds']['all'] / 60:.0f} minutes, {machine}.",
        ]
    )


def write(found: dict[str, Any], folder: Path, *, readme: bool) -> None:
    """Write results.json and results.md, and the README's table when that is asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    (folder / "benchmarks.json").write_text(text, encoding="utf-8")
    table = markdown(found)
    (folder / "benchmarks.md").write_text(table + "\n", encoding="utf-8")
    print(f"\n{table}\n\nWritten to {folder}/benchmarks.md and benchmarks.json.")
    if readme:
        Path("benchmarks/results.json").write_text(text, encoding="utf-8")
        page = Path("README.md").read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGIN)
        _, _, after = rest.partition(END)
        if not after:
            raise SystemExit(f"README.md has no {BEGIN} ... {END}")
        Path("README.md").write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
