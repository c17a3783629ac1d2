"""Tables of ours, as HTML and as text.

Text has the page's own colour, so it reads on dark and light. JupyterLab cleans the HTML of a
notebook that it does not trust: the styles here are such as it leaves.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ..messages import Output

__all__ = ["Bar", "age_text", "duration_text", "grid", "table"]


_GRID = "border: none; border-collapse: collapse; margin: 2px 0"
_ROW = "background: none"
_CELL = "text-align: left; vertical-align: top; padding: 1px 16px 1px 0; word-break: normal"
_TRACK = "width: 14em; height: 8px; margin: 5px 0; background-color: rgba(128, 128, 128, 0.3)"


@dataclass(frozen=True)
class Bar:
    """A bar that is filled as far as ``done`` of ``total`` goes."""

    done: int
    total: int


def grid(rows: Sequence[Sequence[str | Bar]]) -> str:
    """HTML with ``rows`` as plain lines, their cells below one another, the first ones quiet.

    Texts are shown as they are, never as markup.
    """
    lines = ""
    for row in rows:
        # A line with a bar must not break as its figures change.
        wrap = "pre" if any(isinstance(cell, Bar) for cell in row) else "pre-wrap"
        first = "pre; opacity: 0.7" if len(row) > 1 else wrap
        cells = "".join(
            f'<td style="{_CELL}; white-space: {wrap if index else first}">{_content(cell)}</td>'
            for index, cell in enumerate(row)
        )
        lines += f'<tr style="{_ROW}">{cells}</tr>'
    return f'<table style="{_GRID}"><tbody>{lines}</tbody></table>'


def _content(cell: str | Bar) -> str:
    if isinstance(cell, str):
        return html.escape(cell)
    share = 100 if cell.total <= 0 else max(0, min(100, 100 * cell.done // cell.total))
    filled = f"height: 8px; width: {share}%; background-color: #1a86d0"
    return f'<div style="{_TRACK}"><div style="{filled}"></div></div>'


def table(
    rows: Sequence[Sequence[str]], headers: Sequence[str] = (), *, align: Sequence[str] = ()
) -> Output:
    """A ``display_data`` with ``rows``, whose cells are shown as they are, never as markup.

    ``align`` has ``left`` or ``right`` for each column.
    """
    from tabulate import tabulate

    def render(form: str) -> str:
        return tabulate(
            rows,
            headers=headers,
            tablefmt=form,
            disable_numparse=True,
            colalign=align or None,
        )

    # JupyterLab's own style puts everything to the right that does not say where it belongs.
    markup = re.sub(r"<(t[dh])>", r'<\1 style="text-align: left;">', render("html"))
    form = "simple" if headers else "plain"
    return Output(
        msg_type="display_data",
        content={
            "data": {"text/plain": render(form), "text/html": markup},
            "metadata": {},
            "transient": {},
        },
    )


def age_text(moment: datetime | None, now: datetime | None = None) -> str:
    """When ``moment`` was or will be, such as ``3 minutes ago``; "" for None."""
    import humanize

    if moment is None:
        return ""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return humanize.naturaltime((now or datetime.now(timezone.utc)) - moment)


def duration_text(seconds: float) -> str:
    """Seconds for people, such as ``50 minutes``."""
    import humanize

    return humanize.precisedelta(timedelta(seconds=seconds), format="%0.0f")
