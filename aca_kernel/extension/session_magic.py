"""A session beside an ordinary Python notebook: ``%load_ext aca_kernel``, and `connect`.

An agent's own code (its model's account, its tools) belongs on the user's machine, in a notebook
of a local kernel. Here such a notebook gets a way into the session that its agent uses: cells
that begin with ``%%session`` and the lines ``%upload``, ``%download``, ``%files`` and
``%session`` go, as they are written, to an Azure Sessions Python kernel in a process of its own.
What comes back has passed that kernel's output policy, and is shown in the local cell.
"""

from __future__ import annotations

import atexit
import contextlib
import secrets
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..config.options import LOCAL_ENDPOINT, settings_of
from ..errors import AcaKernelError, ErrorInSession, UsageError
from ..sessions.identity import derive_identifier

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .companion import Companion

__all__ = ["Connection", "close", "connect", "load"]

DELETE_SECONDS = 2.0
"""Seconds that the end of this process may take to delete the session."""

_connection: Connection | None = None


def connect() -> Connection:
    """The session of this notebook, started: what an agent's tool needs to come to the same one.

    From then on plain calls of the pool's API, such as the tool's, see the variables of
    ``%%session`` cells, and these see theirs. Options are the kernel's own:
    ``aca_kernel_config.py``, else the environment, read by the first call. The endpoint
    ``local`` starts a local pool. Raises an AcaKernelError when there is no session to be had.
    """
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        raise UsageError(
            "aca_kernel.connect() is for notebooks: this Python has no IPython to show outputs in.",
            left="Nothing was started.",
            remedy="Call it in a notebook, or in the command ipython.",
        )
    connection = _opened()
    connection.start(shell)
    return connection


def _opened() -> Connection:
    global _connection  # one process, one session: what the notebook and its agent share
    if _connection is None:
        _connection = Connection()
        atexit.register(close)
    return _connection


def close() -> None:
    """Let the session go; what asks for one next gets another."""
    global _connection
    connection, _connection = _connection, None
    atexit.unregister(close)
    if connection is not None:
        connection.close()


class Connection:
    """One session, and the kernel's process through which cells and magics reach it.

    The process is started by the first cell. A session whose identifier was not given is deleted
    at the end, as the kernel does it.
    """

    def __init__(self) -> None:
        from jupyter_core.paths import jupyter_runtime_dir

        from ..config.files import read_files
        from ..pool.connect import connect as connect_pool

        settings = settings_of(read_files().config)
        settings.check()
        given = settings.session_id.strip()
        self._is_own = not given
        self._is_local = settings.pool_endpoint.strip() == LOCAL_ENDPOINT
        self._connection_file = Path(jupyter_runtime_dir(), f"kernel-{uuid.uuid4()}.json")
        self._connection_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._key = secrets.token_hex(32).encode()  # kept, so that a new process finds the session
        self.session_id = given or derive_identifier(self._connection_file, self._key)
        """The session's identifier in full: with the pool's rights it opens the session."""
        self._kernel: Companion | None = None
        self._is_used = False  # so that there may be a session to delete
        self._is_started = False
        if self._is_local:
            from ..localpool.launch import ensure_pool

            pool = ensure_pool(self._connection_file)
            self._client = connect_pool(settings, endpoint=pool.endpoint, token=pool.token)
        else:
            self._client = connect_pool(settings)

    def __repr__(self) -> str:
        from ..pool import shorten

        return f"<Connection: session {shorten(self.session_id)} on {self._client.endpoint.host}>"

    @property
    def pool_endpoint(self) -> str:
        """The pool's management endpoint, checked as the kernel checks it."""
        return self._client.endpoint.url

    def access_token(self) -> str:
        """A token for the pool, good for five minutes more; what LangChain's tool asks for.

        Raises AuthenticationError when there is no login.
        """
        return self._client.tokens.get()

    def start(self, shell: InteractiveShell) -> None:
        """Start the session, once. Raises as `run` does."""
        if not self._is_started:
            # Not by the tool's first call: its variables would be in a Python of their own.
            self.run("pass", shell, store_history=False)
            if self._is_own:  # one that was named is shared by itself
                self.run("%session share", shell, store_history=False, silent=True)
            self._is_started = True

    def run(
        self,
        text: str,
        shell: InteractiveShell,
        *,
        store_history: bool = True,
        silent: bool = False,
    ) -> None:
        """Run ``text`` as a cell of the session, and show in ``shell`` what it shows.

        Raises ErrorInSession when the cell failed, and AcaKernelError when the kernel's process
        has ended.
        """
        _refuse_another_session(text)
        self._is_used = True
        from .companion import Companion, Ended

        if self._kernel is None:
            self._kernel = Companion(self._connection_file, self._key)
        try:
            reply = self._kernel.run(text, shell, store_history=store_history, silent=silent)
        except Ended:
            self._kernel.close()
            self._kernel = None
            raise AcaKernelError(
                "The process through which this notebook reaches its session has ended.",
                left="The session is as the cell left it.",
                remedy="Run the cell again: it starts another process.",
            ) from None
        if reply["status"] == "error":
            raise ErrorInSession(reply["ename"], reply["evalue"], reply["traceback"])

    def close(self) -> None:
        """End the kernel's process, and delete the session if nobody named it. Does not raise."""
        is_left = self._kernel is None and self._is_own and self._is_used
        if self._kernel is not None:
            self._kernel.close()  # it deletes the session that is its own
            self._kernel = None
        if self._is_local:
            from ..localpool.launch import stop_pool

            stop_pool(self._connection_file)
        elif is_left:
            with contextlib.suppress(AcaKernelError):
                self._client.delete_session(self.session_id, timeout=DELETE_SECONDS)
        self._client.close()


def _refuse_another_session(text: str) -> None:
    """Raise UsageError when ``text`` would leave the session that `connect` has told of."""
    from ..magics import CELL_MAGICS, LINE_MAGICS
    from ..magics.cells import LineMagic, split

    for segment in split(text, LINE_MAGICS, CELL_MAGICS):
        if isinstance(segment, LineMagic) and segment.name == "session":
            words = [word for word in segment.arguments.split() if not word.startswith("-")]
            if words[:1] == ["new"] or (words[:1] == ["attach"] and words[1:]):
                raise UsageError(
                    f"%session {words[0]} is not for a notebook with %load_ext aca_kernel: its"
                    " agent's tools would stay in the session of before.",
                    left="Nothing was run; the session is the one that it was.",
                    remedy="%session stop makes way for a new, empty one; to enter another, set"
                    " ACA_SESSION_ID, then %reload_ext aca_kernel and connect() again.",
                )


def load(ipython: InteractiveShell) -> None:
    """Register ``%%session`` and the line magics in ``ipython``; nothing is started yet."""
    from IPython.core.magic import no_var_expand

    from ..magics import LINE_MAGICS, magic_help

    for name in LINE_MAGICS:
        # Sent as written: neither {braces} nor $variables of this notebook go to a session.
        line_magic = _line_magic(name, ipython)
        no_var_expand(line_magic)
        line_magic.__doc__ = magic_help(name)
        ipython.magics_manager.register_function(line_magic, "line", name)

    @no_var_expand
    def session(line: str, cell: str) -> None:
        """Run the cell in the session, and show what it shows."""
        if line.strip():
            raise UsageError(
                "The line %%session stands alone.",
                left="Nothing was run.",
                remedy="Begin the cell's code in the next line.",
            )
        _opened().run(cell, ipython)

    ipython.magics_manager.register_function(session, "cell", "session")


def _line_magic(name: str, ipython: InteractiveShell) -> Callable[[str], None]:
    def line_magic(line: str) -> None:
        _opened().run(f"%{name} {line}", ipython)

    return line_magic
