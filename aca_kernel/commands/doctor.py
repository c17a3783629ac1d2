"""``aca-kernel doctor``: the way to a pool, checked step by step."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import humanize
from traitlets import Bool, Int, Unicode

from ..config.options import LOCAL_ENDPOINT, Settings
from ..errors import (
    AcaKernelError,
    BadRequest,
    ServiceError,
    TransferError,
    VersionLacks,
)
from ..localpool.launch import ensure_pool, stop_pool
from ..pool import Endpoint, PoolClient, TokenSource, download, parse_endpoint, upload
from ..pool.connect import connect
from ..pool.kinds import other_kind
from ..pool.refusal_texts import clean
from ..probing.answered import read_execution
from ..probing.bench import PROBE_PREFIX, Bench, Session
from ..probing.poolkind import CALCULATION, SHELL_FIELDS, kind_of, looks_custom
from ..sessions.identity import IDENTIFIER_PREFIX
from .base import POOL_ALIASES, Command
from .probe import Probe

__all__ = ["DoctorApp"]

FILE_SIZE = 256 * 1024
"""Bytes of the file that goes there and back."""

T = TypeVar("T")


class DoctorApp(Command):
    """Checks each step between here and a running cell; the first failure says what to mend."""

    name = "aca-kernel doctor"
    description = """
        Check the way to a pool: endpoint, token, role, a calculation, a file there and back.

        One line a check, with its time. The first failure says what to do, and ends with exit
        code 1. The checks run in a session of their own, which is deleted at the end. With
        `--endpoint local` a local pool is started for them and stopped again.

        With `--probe` it asks the pool all that is not known about the service, in throw-away
        sessions, and writes a report without secrets that can be attached to an issue. It says
        first how many calls and minutes that takes.
    """
    examples = """\
aca-kernel doctor
aca-kernel doctor --endpoint local
aca-kernel doctor --probe
aca-kernel doctor --probe --only "hook, link" --output reports --yes
"""
    probe = Bool(False, help="Ask what is not known about the service.").tag(config=True)
    output = Unicode(".", help="With --probe, the folder of the report.").tag(config=True)
    force = Bool(False, help="With --probe, replace a report of the same day.").tag(config=True)
    max_megabytes = Int(
        8, min=1, max=100, help="With --probe, the largest request, answer and upload to try."
    ).tag(config=True)
    fill = Int(
        0,
        min=0,
        max=1000,
        help="With --probe, make up to so many sessions, to see what a full pool answers.",
    ).tag(config=True)
    only = Unicode(
        "", help="With --probe, the names of the questions to ask, separated by commas."
    ).tag(config=True)
    aliases = {
        **Command.aliases,
        **POOL_ALIASES,
        "output": "DoctorApp.output",
        "max-megabytes": "DoctorApp.max_megabytes",
        "fill": "DoctorApp.fill",
        "only": "DoctorApp.only",
    }
    flags = {
        **Command.flags,
        "probe": ({"DoctorApp": {"probe": True}}, "Ask what is not known about the service."),
        "force": ({"DoctorApp": {"force": True}}, "With --probe, replace a report."),
        ("y", "yes"): ({"JupyterApp": {"answer_yes": True}}, "With --probe, do not ask first."),
    }

    def start(self) -> None:
        """Run the checks; raises the AcaKernelError of the first that fails.

        With ``probe``, ask the questions in place of the checks that need a session.
        """
        probe = self._probe()
        with ExitStack() as at_the_end:
            settings = _check("options", self.pool_settings, lambda _: "can be used")
            if settings.pool_endpoint == LOCAL_ENDPOINT:
                pool = _local_pool(settings)
                _check("local pool", lambda: at_the_end.enter_context(pool), lambda _: "started")
            endpoint = _check("endpoint", lambda: _endpoint(settings), _describe)
            _check("token", lambda: _token(settings, endpoint), _kind_of_token)
            client = at_the_end.enter_context(connect(settings))
            if probe is not None:
                if probe.agreed(yes=self.answer_yes):
                    _check_role(client)
                    probe.run(client)
                else:
                    print("Nothing was asked.")
                return
            _check_session(client)
        print("All is well.")

    def _probe(self) -> Probe | None:
        """What to ask; None for the checks alone. UsageError for options that make no sense."""
        if self.probe:
            return Probe(
                output=Path(self.output).expanduser(),
                force=self.force,
                max_megabytes=self.max_megabytes,
                fill=self.fill,
                only=self.only,
            )
        given = self.cli_config.get("DoctorApp", {})
        if given:
            option = next(iter(given)).replace("_", "-")
            raise self.misused(f"--{option} goes with --probe only.")
        return None


def _check(name: str, work: Callable[[], T], tell: Callable[[T], str]) -> T:
    """What ``work`` gives, after a line that says how it went, how long it took, and ``tell``."""
    began = time.monotonic()
    try:
        result = work()
    except AcaKernelError:
        _say("FAILED", name, began, "")
        raise
    _say("ok", name, began, tell(result))
    return result


def _say(verdict: str, name: str, began: float, detail: str) -> None:
    print(
        f"{verdict:<7} {name:<10} {time.monotonic() - began:6.2f} s  {detail}".rstrip(), flush=True
    )


@contextmanager
def _local_pool(settings: Settings) -> Iterator[None]:
    """A local pool while the block runs, to which ``settings`` then point."""
    with tempfile.TemporaryDirectory() as scratch:
        nobodys = Path(scratch, "doctor.json")
        try:
            pool = ensure_pool(nobodys)
            settings.pool_endpoint, settings.access_token = pool.endpoint, pool.token
            yield
        finally:
            stop_pool(nobodys)


def _endpoint(settings: Settings) -> Endpoint:
    return parse_endpoint(settings.pool_endpoint, suffixes=settings.endpoint_suffixes)


def _describe(endpoint: Endpoint) -> str:
    pool = f", pool {endpoint.pool_name}" if endpoint.pool_name else ""
    return f"{endpoint.host}{pool}"


def _token(settings: Settings, endpoint: Endpoint) -> TokenSource:
    tokens = TokenSource(token=settings.access_token or None, scope=settings.token_scope)
    tokens.check(endpoint)
    tokens.get()
    return tokens


def _kind_of_token(tokens: TokenSource) -> str:
    return "given" if tokens.is_given else "from Entra ID"


def _check_role(client: PoolClient) -> None:
    """The one check that every question needs, in a session of its own."""
    identifier = f"{PROBE_PREFIX}{secrets.token_hex(16)}"
    try:
        _check("role", lambda: _list(client, identifier), lambda _: "may use the pool")
    finally:
        with suppress(AcaKernelError):
            client.delete_session(identifier, timeout=5)


def _list(client: PoolClient, identifier: str) -> None:
    try:
        list(client.list_files(identifier))
    except ServiceError as error:
        if looks_custom(error, client.endpoint.host):
            raise other_kind("CustomContainer", f"It answered: {error}") from None
        raise


def _check_session(client: PoolClient) -> None:
    identifier = f"{IDENTIFIER_PREFIX}doctor-{secrets.token_hex(16)}"
    try:
        # Reading takes the same role as running does, and any call allocates the session.
        _check("role", lambda: _list(client, identifier), lambda _: "may use the pool")
        _check("run", lambda: _calculate(client, identifier), str)
        _check("files", lambda: _round_trip(client, identifier), str)
    except BaseException:
        with suppress(AcaKernelError):
            client.delete_session(identifier, timeout=5)
        raise
    _check("clean up", lambda: _delete(client, identifier), str)


def _calculate(client: PoolClient, identifier: str) -> str:
    try:
        outcome = client.execute(identifier, CALCULATION, timeout=60)
    except BadRequest as error:
        kind = kind_of(code=error.code, shell=_shell_words(client, identifier))
        if not kind:
            raise
        raise other_kind(kind, f"The service said: {error.what}") from None
    kind = kind_of(status=outcome.status, result=outcome.result)
    if not outcome.succeeded or kind != "PythonLTS":
        said = clean(outcome.stderr.strip()[:200]) or "(nothing)"
        raise other_kind(
            "" if kind == "PythonLTS" else kind,
            f"It ended with the status {outcome.status!r} and this on stderr: {said}",
        )
    return f"{CALCULATION} is 42"


def _shell_words(client: PoolClient, identifier: str) -> str:
    """What a Shell pool writes when it is asked to; "" from any other."""
    session = Session(Bench(client, most_bytes=0), identifier)
    try:
        answer = session.call("POST", "/executions", json=SHELL_FIELDS)
    except AcaKernelError:
        return ""
    return read_execution(answer).stdout


def _round_trip(client: PoolClient, identifier: str) -> str:
    content = secrets.token_bytes(FILE_SIZE)
    name = "aca-kernel-doctor.bin"
    with tempfile.TemporaryDirectory() as scratch:
        sent, returned = Path(scratch, "sent"), Path(scratch, "returned")
        sent.write_bytes(content)
        with sent.open("rb") as source:
            upload(client, identifier, source, name, size=FILE_SIZE)
        with returned.open("wb") as target:
            download(client, identifier, name, target)
        same = returned.read_bytes() == content
    if client.supports("delete_file"):
        client.delete_file(identifier, name)
    if not same:
        raise TransferError(
            "A file came back from the session with another content than it went there with.",
            remedy="Try again. If it happens again, tell the project's maintainers.",
        )
    return f"{humanize.naturalsize(FILE_SIZE, binary=True)} there and back"


def _delete(client: PoolClient, identifier: str) -> str:
    try:
        client.delete_session(identifier)
    except VersionLacks:
        return "this api-version cannot delete a session: it will cool down by itself"
    return "session deleted"
