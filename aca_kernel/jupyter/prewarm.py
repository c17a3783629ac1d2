"""A head start for ``prewarm``: the session gets its guest while this process still starts.

ipykernel takes longer to import than a call takes, and the guest kernel as long to start as this
one. So the call that allocates the session and puts the guest there is made first, with what it
needs and no more; the kernel finds the guest when it comes to greet it. Only the configuration
files, as read, are handed over, and nothing here fails loudly: whatever goes wrong, the kernel
meets again, and tells.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ..config.files import ReadFiles, read_files
from ..config.options import LOCAL_ENDPOINT, Settings, settings_of
from ..errors import AcaKernelError
from ..sessions.identity import RestartMarker, derive_identifier

__all__ = ["begin"]


def begin(arguments: Sequence[str]) -> ReadFiles | None:
    """Begin to reach the session on a thread when ``prewarm`` is on.

    Gives the configuration files as read, for they are Python and not to be run twice; None
    where they have not been read. ``arguments`` are those of kernel.json; with more than the
    connection file there is no head start. Does not raise.
    """
    if len(arguments) != 2 or arguments[0] != "-f":
        return None
    try:
        files = read_files()
    except Exception:  # the kernel will read them again, and its first cell tells
        return None
    with suppress(Exception):
        call = _call(Path(arguments[1]), settings_of(files.config))
        if call is not None:
            threading.Thread(target=call, name="aca-kernel-early", daemon=True).start()
    return files


def _call(connection_file: Path, settings: Settings) -> Callable[[], None] | None:
    """What puts the guest into the session; None where that is not wanted."""
    wanted = settings.prewarm and settings.mode != "direct" and not settings.problems
    if not wanted or settings.pool_endpoint.strip() == LOCAL_ENDPOINT:
        return None
    if RestartMarker(connection_file).is_set():
        return None
    key = json.loads(connection_file.read_text(encoding="utf-8"))["key"].encode()
    identifier = settings.session_id.strip() or derive_identifier(connection_file, key)

    from ..guest.protocol import MARK, pack
    from ..link.bootstrap import bootstrap_code
    from ..pool.client import PoolClient
    from ..pool.connect import connect

    client: PoolClient = connect(settings)
    # Not a hello, which would take the link, perhaps from this very kernel when it comes late.
    code = bootstrap_code(pack({"op": "early", "id": secrets.token_hex(8)}), MARK)

    def call() -> None:
        try:
            with client:
                client.execute(identifier, code)
        except AcaKernelError:
            return

    return call
