"""What to do about an error, as a list of steps beside it whose commands can be copied."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from ..errors import Step
from .notices import folding

__all__ = ["guide", "guide_text"]

_TITLE = "What to do, step by step:"

# One click selects a whole command. No colour of our own, so it reads on dark and light.
_COMMAND = (
    "margin: 2px 0 4px; padding: 4px 8px; border: 1px solid rgba(128, 128, 128, 0.5);"
    " border-radius: 2px; white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere;"
    " user-select: all"
)


def guide(steps: Sequence[Step]) -> dict[str, Any]:
    """The content of a ``display_data`` message that shows ``steps``, numbered.

    HTML that stays in place without styles or scripts, and the same in plain text.
    """
    items = "".join(f"<li>{_step(step)}</li>" for step in steps)
    return {
        "data": {
            "text/plain": guide_text(steps),
            "text/html": (
                folding(f'{_TITLE}<ol style="margin: 4px 0; padding-left: 2em">{items}</ol>')
            ),
        },
        "metadata": {},
        "transient": {},
    }


def guide_text(steps: Sequence[Step]) -> str:
    """The steps as plain text, a command a line."""
    lines = [_TITLE]
    for number, step in enumerate(steps, 1):
        lines.append(f"{number}. {step.text}")
        for command in step.commands:
            if command.terminal:
                lines.append(f"   {command.terminal}:")
            lines.append(f"     {command.line}")
    return "\n".join(lines)


def _step(step: Step) -> str:
    parts = [html.escape(step.text)]
    for command in step.commands:
        if command.terminal:
            label = html.escape(command.terminal)
            parts.append(f'<div style="font-size: smaller">{label}</div>')
        parts.append(f'<pre style="{_COMMAND}">{html.escape(command.line)}</pre>')
    return "".join(parts)
