"""Tables of ours, as HTML and as text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from ..interpreters.base import Output

__all__ = ["age_text", "duration_text", "table"]


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

    form = "simple" if headers else "plain"
    return Output(
        msg_type="display_data",
        content={
            "data": {"text/plain": render(form), "text/html": render("html")},
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
