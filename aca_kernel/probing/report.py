"""What the experiments found, as Markdown for people and as JSON for programs. Pure.

Whatever came from the service is masked, and shown in a way that no Markdown in it works.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .course import Outcome
from .masking import Mask, escape

__all__ = ["Circumstances", "as_json", "as_markdown"]

_LONGEST_FACT = 1200


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """When, where and with what the questions were asked. ``ended`` says why before the end."""

    tool: str
    date: str
    api_version: str
    place: str
    asked: int
    calls: int
    seconds: float
    undeleted: int
    ended: str


def as_json(about: Circumstances, outcomes: Sequence[Outcome], mask: Mask) -> str:
    """The report as JSON, with all facts."""
    value = {
        "report": "aca-kernel doctor --probe",
        "tool": about.tool,
        "date": about.date,
        "api version": about.api_version,
        "place": about.place,
        "calls": about.calls,
        "seconds": round(about.seconds, 1),
        "questions": about.asked,
        "ended early": about.ended,
        "sessions that could not be deleted": about.undeleted,
        "do not hold": [one.experiment.name for one in outcomes if one.holds is False],
        "not settled": [one.experiment.name for one in outcomes if one.finding is None],
        "experiments": [_entry(one, mask) for one in outcomes],
    }
    return json.dumps(value, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _entry(one: Outcome, mask: Mask) -> dict[str, Any]:
    experiment = one.experiment
    return {
        "number": one.number,
        "name": experiment.name,
        "question": experiment.question,
        "settles": f"docs/service.md {experiment.section}",
        "answer": mask.text(one.answer),
        "assumption": experiment.assumption or None,
        "module": experiment.module or None,
        "holds": one.holds,
        "means": one.means if one.holds is False else None,
        "calls": one.calls,
        "seconds": round(one.seconds, 1),
        "facts": mask.value(dict(one.finding.facts)) if one.finding else {},
    }


def as_markdown(about: Circumstances, outcomes: Sequence[Outcome], mask: Mask) -> str:
    """The report to read, and to attach to an issue."""
    broken = [one for one in outcomes if one.holds is False]
    open_ones = [one for one in outcomes if one.finding is None]
    lines = [
        "# What this session pool answers",
        "",
        f"Asked by `aca-kernel doctor --probe` ({escape(about.tool)}) on {about.date}, api-version"
        f" {about.api_version}, region: {escape(about.place)}.",
        f"{len(outcomes)} of {about.asked} questions, {about.calls} calls,"
        f" {about.seconds:.0f} seconds.",
        "",
        "No token, session identifier or name of your subscription, resource group or pool is in"
        " it, so you can attach it to an issue.",
        "",
    ]
    if about.ended:
        lines += [f"**It ended early: {escape(about.ended)}.**", ""]
    if about.undeleted:
        lines += [
            f"**{about.undeleted} of its sessions could not be deleted.** They cool down by"
            " themselves; `aca-kernel sessions prune` ends them earlier.",
            "",
        ]
    lines += ["## Assumptions that do not hold", ""]
    for one in broken:
        lines.append(
            f"- **{one.number}. {one.experiment.name}**. Assumed: {one.experiment.assumption}"
            f" Found: {_said(one, mask)}"
            + (f" **What to do:** {escape(one.means)}" if one.means else "")
            + f" (`{one.experiment.module}`)"
        )
    if not broken:
        lines.append("None: everything holds that was asked and answered.")
    if open_ones:
        lines += ["", "## Not settled", ""]
        lines += [
            f"- **{one.number}. {one.experiment.name}**: {_said(one, mask)}" for one in open_ones
        ]
    lines += ["", "## Every question", "", "| | question | answer | as assumed |"]
    lines.append("| --- | --- | --- | --- |")
    for one in outcomes:
        lines.append(
            f"| {one.number} | {escape(one.experiment.question)} | {_said(one, mask)} |"
            f" {_verdict(one)} |"
        )
    lines += ["", "## What came back", ""]
    for one in outcomes:
        lines += _details(one, mask)
    return "\n".join(lines).rstrip() + "\n"


def _said(one: Outcome, mask: Mask) -> str:
    return escape(mask.text(one.answer))


def _verdict(one: Outcome) -> str:
    if not one.experiment.assumption:
        return "nothing is assumed"
    return {True: "yes", False: "**no**", None: "not settled"}[one.holds]


def _details(one: Outcome, mask: Mask) -> list[str]:
    experiment = one.experiment
    lines = [
        f"### {one.number}. {experiment.name}",
        "",
        f"{escape(experiment.question)} (docs/service.md {experiment.section};"
        f" {one.calls} calls, {one.seconds:.1f} s)",
        "",
        f"{_said(one, mask)}",
        "",
    ]
    if experiment.assumption:
        lines += [
            f"Assumed in `{experiment.module}`: {escape(experiment.assumption)}"
            f" As assumed: {_verdict(one)}.",
            "",
        ]
    if one.finding:
        for name, value in mask.value(dict(one.finding.facts)).items():
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            lines.append(f"- {escape(name)}: {_code(shown)}")
        lines.append("")
    return lines


def _code(text: str) -> str:
    """``text`` in a code span, which nothing in it can end."""
    text = text.replace("`", "'").strip()
    if len(text) > _LONGEST_FACT:
        text = f"{text[:_LONGEST_FACT]}… (the JSON has more)"
    return f"`{text}`" if text else "(empty)"
