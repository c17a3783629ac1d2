"""What %session shows: one panel about this notebook's session, as HTML and as text.

`session_rows` asks the service and the session; what either says is shown as text, never as
markup. `panel` is pure.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from ..errors import AcaKernelError, ServiceError
from ..interpreters import probes
from ..messages import Output
from ..pool import PoolClient, SessionInfo, shorten
from ..transfers.diskname import printable_path
from ..transfers.display import age_text, duration_text, grid
from ..transfers.names import printable
from ..transfers.progress import size_text
from .base import MagicContext, SessionControl
from .connect import share_row

__all__ = ["Row", "panel", "session_rows"]

Row = tuple[str, str]
"""What it is, and what there is to say about it: plain text, of one or more lines."""

_PACKAGES = ("numpy", "pandas", "matplotlib", "scipy", "scikit-learn", "pillow", "ipykernel")
"""The packages whose versions people ask for, in the order in which they are shown."""

_MOST_FILES = 1000
"""Files that are counted; a session can invent any number."""


def panel(rows: Sequence[Row]) -> Output:
    """A ``display_data`` with a line for each row. The texts are shown as they are."""
    width = max((len(name) for name, _ in rows), default=0)
    text = "\n".join(
        f"{name:{width}}  {said}".replace("\n", "\n" + " " * (width + 2)).rstrip()
        for name, said in rows
    )
    return Output(
        msg_type="display_data",
        content={
            "data": {"text/plain": text, "text/html": grid(rows)},
            "metadata": {},
            "transient": {},
        },
    )


async def session_rows(context: MagicContext, *, is_full: bool = False) -> list[Row]:
    """The rows about the notebook's session; ``is_full`` shows its identifier in full.

    A session that has not started is not asked: that would allocate it. What cannot be learned
    is told as such and is no error.
    """
    session, client = context.session, context.client
    endpoint = client.endpoint
    place = f"{endpoint.pool_name} on {endpoint.host}" if endpoint.pool_name else endpoint.host
    identifier = session.identifier if is_full else shorten(session.identifier)
    whose = "this notebook's own" if session.is_own else "given, so it may have other clients"
    rows = [
        ("pool", f"{printable(place)}, api-version {client.api_version}"),
        ("session", f"{identifier} ({whose})"),
        ("mode", session.mode),
        share_row(session),
    ]
    info: SessionInfo | None = None
    if session.life.may_exist:
        try:
            info = await session.session_info()
            if info is None and client.supports("get_session"):
                # To ask the session itself would allocate another one.
                rows.append(("state", "gone: the next cell begins with an empty one"))
            else:
                rows += _life(info)
                rows += await context.call(_versions, client, session.identifier)
                rows.append(await context.call(_files, client, session.identifier))
        except AcaKernelError as error:
            rows.append(("not known", error.what))
    else:
        rows.append(("state", "not started: the first cell starts it"))
    rows += _attention(session, info.cooldown_seconds if info is not None else None)
    rows.append(("transfer root", printable_path(context.root, 1000)))
    return rows


def _life(info: SessionInfo | None) -> list[Row]:
    if info is None:
        return [("state", "started; the service tells no more about it")]
    rows = [("state", "running")]
    if info.created is not None:
        rows.append(("since", _moment(info.created)))
    if info.expires is not None:
        rows.append(("idle until", _moment(info.expires)))
    return rows


def _attention(session: SessionControl, cooldown: float | None) -> list[Row]:
    """Until when the session is kept, and what ends it."""
    kept = "off"
    if session.keep_alive:
        kept = f"{duration_text(session.keep_alive)} after the last cell"
        if session.life.may_exist:
            until = datetime.now(timezone.utc) + timedelta(seconds=session.keep_alive)
            kept += f", until {until:%H:%M %Z} if this is the last"
    idle = (
        f"{duration_text(cooldown)} without a call"
        if cooldown
        else "a cooldown period without a call"
    )
    own = "this kernel, " if session.is_own else ""
    return [("keep-alive", kept), ("ends with", f"{own}%session stop, or {idle}")]


def _versions(client: PoolClient, identifier: str) -> list[Row]:
    """Python and packages, as the pool tells it, else as the session does. Blocks."""
    python, packages = "", dict[str, str]()
    if client.supports("metadata"):
        with contextlib.suppress(ServiceError):  # the session itself can be asked
            known = client.metadata()
            python = next((v for n, v in known.runtimes if n.lower() == "python"), "")
            packages = {_normal(name): version for name, version in known.packages}
    if not python:
        probe = probes.versions(_PACKAGES)
        told = probe.read(client.execute(identifier, probe.code, repeatable=True)) or {}
        texts = {name: said for name, said in told.items() if isinstance(said, str)}
        python = texts.pop("python", "")
        packages = {_normal(name): version for name, version in texts.items()}
    shown = [f"{name} {printable(packages[name], 40)}" for name in _PACKAGES if name in packages]
    rows = [("Python", printable(python, 40) or "unknown")]
    if shown:
        rows.append(("packages", ", ".join(shown)))
    return rows


def _normal(name: str) -> str:
    """A package's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _files(client: PoolClient, identifier: str) -> Row:
    """How many files there are, and how large they are together. Blocks."""
    is_deep = client.supports("recursive")
    listing = client.list_files(identifier, recursive=is_deep)
    entries = list(itertools.islice(listing, _MOST_FILES + 1))
    files = [entry for entry in entries if not entry.is_directory]
    more = "more than " if len(entries) > _MOST_FILES else ""
    size = size_text(sum(file.size or 0 for file in files))
    count = f"{len(files)} file{'' if len(files) == 1 else 's'}"
    where = "in /mnt/data" if is_deep else "in /mnt/data itself"
    return "files", f"{more}{count}, {size}, {where}" if files else f"none {where}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z} ({age_text(moment)})"
