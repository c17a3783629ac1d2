"""``aca-kernel pool``: the command that runs a local pool."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from jupyter_core.application import JupyterApp
from traitlets import Bool, CaselessStrEnum, Float, Int, Unicode
from traitlets.config.application import ArgvType, catch_config_error

from .. import __name__ as _package
from ..config.files import read_files, take_files
from ..config.redaction import DiscreetApplication
from ..errors import ConfigurationError, LocalPoolError
from ..localpool.app import Listening, serve
from ..localpool.kept import Kept, keeping
from ..localpool.sessions import PoolOptions
from ..localpool.unknowns import Unknowns

__all__ = ["PoolApp", "main"]

_ALIASES = {
    "host": "PoolApp.host",
    "port": "PoolApp.port",
    "token": "PoolApp.token",
    "max-sessions": "PoolApp.max_sessions",
    "ready-sessions": "PoolApp.ready_sessions",
    "cooldown-period": "PoolApp.cooldown_period",
    "network-status": "PoolApp.network_status",
    "isolation": "PoolApp.isolation",
    "python": "PoolApp.python",
    "max-execution-time": "PoolApp.max_execution_time",
    "max-upload-size": "PoolApp.max_upload_size",
}


class PoolApp(DiscreetApplication, JupyterApp):
    """A session pool on this machine, with the REST API of the service."""

    name = f"{_package.replace('_', '-')} pool"
    description = (
        "Run a session pool on this machine, with the REST API of Azure Container Apps "
        "dynamic sessions (code interpreter). It prints one line of JSON with endpoint, "
        "token and certificate, then serves until it is stopped (Ctrl-C or SIGTERM)."
    )
    examples = """
    aca-kernel pool                                # a free port, a random token
    aca-kernel pool --port 8000 --token secret     # fixed ones
    aca-kernel pool --tls --isolation bubblewrap   # https; refuse to run without a sandbox
    """
    aliases = {**_ALIASES, "log-level": "Application.log_level"}
    flags = {
        "tls": ({"PoolApp": {"tls": True}}, "Serve https with a certificate made for it."),
        "exit-when-idle": (
            {"PoolApp": {"exit_when_idle": True}},
            "End after a cooldown period without a call or a session.",
        ),
        "debug": ({"Application": {"log_level": "DEBUG"}}, "Log everything."),
    }

    host = Unicode("127.0.0.1", help="Loopback address to listen on.").tag(config=True)
    port = Int(0, min=0, max=65535, help="Port to listen on; 0 for a free one.").tag(config=True)
    token = Unicode("", help="Bearer token that callers need; random by default.").tag(config=True)
    max_sessions = Int(10, min=1, help="Sessions at the same time.").tag(config=True)
    ready_sessions = Int(1, min=0, help="Sessions started ahead of their use.").tag(config=True)
    cooldown_period = Float(
        300.0, min=0.1, help="Seconds without a call after which a session is removed."
    ).tag(config=True)
    network_status = CaselessStrEnum(
        ["EgressDisabled", "EgressEnabled"],
        "EgressDisabled",
        help="Whether sessions reach the network.",
    ).tag(config=True)
    isolation = CaselessStrEnum(
        ["auto", "bubblewrap", "unshare", "none"],
        "auto",
        help="How sessions are kept apart from this machine: bubblewrap (a sandbox); unshare (own "
        "/mnt/data, your own rights); none (your own rights, and /mnt/data for Python's file "
        "functions only); auto takes the first that works, and warns when it is no sandbox.",
    ).tag(config=True)
    python = Unicode(
        "",
        help="The Python that runs in sessions: the path of an executable of version 3.8 or later"
        " with ipykernel, such as that of a virtual environment. By default the pool's own.",
    ).tag(config=True)
    tls = Bool(False, help="Serve https with a certificate made for it.").tag(config=True)
    max_execution_time = Float(
        220.0, min=0.1, help="Seconds that an execute call may take at most."
    ).tag(config=True)
    max_upload_size = Int(
        128 * 1024 * 1024, min=1, help="Bytes of the largest file that can be uploaded."
    ).tag(config=True)
    exit_when_idle = Bool(
        False, help="End after a cooldown period without a call or a session."
    ).tag(config=True)
    keep_in = Unicode(
        "",
        help="File in which endpoint and token are kept (mode 0600) as long as the pool runs.",
    ).tag(config=True)
    warm_up_cells = Int(
        3,
        min=0,
        help="Health checks (1+1) that a new interpreter has run before its first cell; the "
        "execution counter of the service's sessions is above 1 as well.",
    ).tag(config=True)
    automatic_base64_decoding = Bool(
        True, help="Take code that is base64 as a whole for that, as the service may do."
    ).tag(config=True)
    first_image = Bool(
        False, help="Of several figures in a cell answer the first, not the last."
    ).tag(config=True)
    recovery_time = Float(
        5.0,
        min=0,
        help="Seconds that interrupted code has to stop after a timeout, before its "
        "interpreter is replaced.",
    ).tag(config=True)

    page_size = Int(300, min=1, help="Sessions in a page of listSessions.").tag(config=True)

    # What is not known of the service, for tests of its clients (docs/service.md): off.
    max_request_size = Int(
        0, min=0, help="Bytes that an execute call's body may have, else 413; 0: 30 MB."
    ).tag(config=True)
    output_limit_max = Int(
        0, min=0, help="The largest outputStreamsMaxLength, else 400; 0: any."
    ).tag(config=True)
    unfinished_answers = Bool(
        False, help="Answer executions with Running, and what became of them at its own address."
    ).tag(config=True)
    one_call_at_a_time = Bool(
        False, help="Answer 409 to an execution while another one runs in its session."
    ).tag(config=True)
    session_guid_per_call = Bool(
        False, help="Give each answer an x-ms-session-guid of its own."
    ).tag(config=True)
    no_session_calls = Bool(False, help="Have no GET and DELETE of /session: 404.").tag(config=True)
    metadata_delay = Float(
        0.0, min=0, help="Seconds for which a file's description is a 404 after its upload."
    ).tag(config=True)

    def load_config_file(self, suppress_errors: bool = True) -> None:  # type: ignore[override]
        """Read the configuration files; exit status 1 for one that cannot be read."""
        try:
            take_files(self, read_files(self.config_file))
        except ConfigurationError as error:
            self.exit_with(str(error))

    @catch_config_error
    def initialize(self, argv: ArgvType = None) -> None:
        """Read the command line; exit status 2 for an option that there is not."""
        super().initialize(argv)
        if self.subapp is None:
            self._refuse_unknown()

    def _refuse_unknown(self) -> None:
        # traitlets takes `--bogus=1` for the trait of a class that it does not know.
        known = {name for cls in self.classes for name in (c.__name__ for c in cls.mro())}
        known |= {c.__name__ for c in type(self).mro()}
        unknown = [section for section in self.cli_config if section not in known]
        words = [*(f"--{name}" for name in unknown), *self.extra_args]
        if words:
            self.exit_with(f"Unknown arguments: {' '.join(words)}. See --help.", status=2)

    def start(self) -> None:
        """Serve until a signal; exit status 1 with one message when the pool cannot start."""
        if sys.platform == "win32":
            self.exit_with("The local pool needs Linux or macOS; on Windows use WSL.")
        try:
            asyncio.run(self._serve())
        except LocalPoolError as error:
            self.exit_with(str(error))

    def exit_with(self, message: str, *, status: int = 1) -> None:
        """Say why nothing runs, on stderr, and end with the exit status."""
        print(message, file=sys.stderr)
        self.exit(status)

    async def _serve(self) -> None:
        options = PoolOptions(
            max_sessions=self.max_sessions,
            ready_sessions=self.ready_sessions,
            cooldown=self.cooldown_period,
            max_execution_time=self.max_execution_time,
            max_upload_size=self.max_upload_size,
            warm_up_cells=self.warm_up_cells,
            decode_base64=self.automatic_base64_decoding,
            first_image=self.first_image,
            recovery_time=self.recovery_time,
            page_size=self.page_size,
            unknown=Unknowns(**{one.name: getattr(self, one.name) for one in fields(Unknowns)}),
        )
        self._kept = contextlib.ExitStack()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (we are in it)
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # not under nohup
            numbers.append(signal.SIGHUP)
        for number in numbers:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError), self._kept:
            await serve(
                options,
                host=self.host,
                port=self.port,
                token=self.token or secrets.token_urlsafe(32),
                network=self.network_status == "EgressEnabled",
                wanted_isolation=self.isolation,
                python=self.python,
                tls=self.tls,
                exit_when_idle=self.exit_when_idle,
                listening=self._listening,
            )

    async def _listening(self, pool: Listening) -> None:
        if pool.warning:
            self.log.warning(pool.warning)
        line = {"endpoint": pool.endpoint, "token": pool.token, "certificate": pool.certificate}
        if self.keep_in:
            kept = Kept(
                endpoint=pool.endpoint,
                token=pool.token,
                certificate=pool.certificate,
                pid=os.getpid(),
                warning=pool.warning,
            )
            self._kept.enter_context(keeping(Path(self.keep_in), kept))
        print(json.dumps(line), flush=True)


def main(argv: list[str] | None = None, **kwargs: Any) -> None:
    """Run the command with ``argv``, by default that of this process."""
    PoolApp.launch_instance(argv, **kwargs)


if __name__ == "__main__":
    main()
