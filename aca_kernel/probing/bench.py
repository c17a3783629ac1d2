"""What experiments work with: throw-away sessions, and calls that nothing judges."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from ..errors import AcaKernelError, UnexpectedAnswer
from ..interpreters.probes import guard_text
from ..pool import PoolClient
from ..pool.answers import parse_json
from ..pool.api import DEFAULT_API_VERSION, Request
from ..pool.raw import RawAnswer, SmallBody
from ..pool.refusal_texts import retry_after
from ..sessions.identity import IDENTIFIER_PREFIX
from .answered import Ran, brief, operation_of, read_execution, refusal_of
from .experiment import NotSettled

__all__ = ["PROBE_PREFIX", "Bench", "Session"]

PROBE_PREFIX = f"{IDENTIFIER_PREFIX}probe-"
"""How the identifiers of the probe's sessions begin."""

_UNFINISHED = ("running", "notstarted")
_FIRST_POLL, _LAST_POLL = 0.1, 1.0  # seconds; each pause is half as long again
_CALL_SECONDS = 60
_PAUSES = (1.0, 3.0)  # seconds before a call that was answered 429 is sent again
_LONGEST_PAUSE = 30.0
_DELETE_SECONDS = 20.0


class Session:
    """A session that no kernel knows. It is deleted with the bench's `clean_up`."""

    def __init__(self, bench: Bench, identifier: str) -> None:
        self.identifier = identifier
        self._bench = bench

    def call(self, method: str, path: str, **more: Any) -> RawAnswer:
        """Send any call of this session. See `Bench.call`."""
        return self._bench.call(method, path, identifier=self.identifier, **more)

    def execute(
        self,
        code: str,
        *,
        timeout: int | None = _CALL_SECONDS,
        limit: int | None = None,
        poll: bool = True,
        guard: bool = True,
        **fields: Any,
    ) -> Ran:
        """Run code with further ``fields`` in the request; a refusal is an answer, too.

        ``limit`` is outputStreamsMaxLength, which is left out without it, as is ``timeout`` when
        None. An unfinished answer is asked for until it is finished, unless ``poll`` is off; code
        that looks like base64 is guarded, unless ``guard`` is off.
        """
        sent: dict[str, Any] = {"codeInputType": "Inline", "executionType": "Synchronous"}
        sent["code"] = guard_text(code) if guard else code
        if timeout is not None:
            sent["timeoutInSeconds"] = timeout
        if limit is not None and self._bench.client.supports("output_limit"):
            sent["outputStreamsMaxLength"] = limit
        sent.update(fields)
        bound = timeout if timeout is not None and 0 < timeout <= 220 else 220
        path = "/code/execute" if self._bench.is_legacy else "/executions"
        body = {"properties": sent} if self._bench.is_legacy else sent
        answer = self.call("POST", path, json=body, read_timeout=bound + 30.0)
        ran = read_execution(answer)
        polls = 0
        deadline = time.monotonic() + bound + 5
        while poll and ran.status.lower() in _UNFINISHED and time.monotonic() < deadline:
            name = operation_of(answer)
            if not name:
                break
            self._bench.pause(min(_LAST_POLL, _FIRST_POLL * 1.5**polls))
            polls += 1
            later = self.call("GET", f"/executions/{quote(name, safe='')}")
            if later.status not in (200, 202):
                break
            ran = read_execution(later, polls=polls)
        return ran

    def run(self, code: str, **more: Any) -> Ran:
        """Run code that has to end well; NotSettled when it does not."""
        ran = self.execute(code, **more)
        if not ran.succeeded:
            words = ran.stderr.strip().splitlines()[-1:] or [ran.refusal]
            raise NotSettled(f"the session answered {ran.verdict}: {words[0]}")
        return ran

    def tell(self, code: str, **more: Any) -> dict[str, Any]:
        """The JSON object that code prints as its last line; NotSettled without one."""
        lines = self.run(code, **more).stdout.strip().splitlines()
        try:
            value = json.loads(lines[-1]) if lines else None
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise NotSettled("what the session printed did not come back as it was")
        return value

    def upload(self, name: str, content: bytes, *, path: str = "") -> RawAnswer:
        """Upload a small file under any name."""
        target = "/files/upload" if self._bench.is_legacy else "/files"
        query = (("path", path),) if path else ()
        return self.call("POST", target, query=query, upload=SmallBody("file", name, content))

    def read(self, name: str, *, path: str = "") -> RawAnswer:
        """Download a file by any name."""
        encoded = quote(name, safe="")
        legacy = self._bench.is_legacy
        target = f"/files/content/{encoded}" if legacy else f"/files/{encoded}/content"
        return self.call("GET", target, query=(("path", path),) if path else ())

    def listing(self, *, path: str = "", recursive: bool = False) -> list[dict[str, Any]]:
        """The entries of a directory as they came, with their keys in lower case."""
        query: tuple[tuple[str, str], ...] = (("path", path),) if path else ()
        query += (("recursive", "true"),) if recursive else ()
        answer = self.call("GET", "/files", query=query)
        if answer.status != 200:
            raise NotSettled(f"listing files was answered {refusal_of(answer)}")
        try:
            value = parse_json(answer.body)
        except UnexpectedAnswer as error:
            raise NotSettled("a listing of files was no JSON") from error
        if isinstance(value, dict):
            lowered = {str(key).lower(): item for key, item in value.items()}
            value = lowered.get("value", lowered.get("$values", []))
        entries = []
        for entry in value if isinstance(value, list) else ():
            inner = entry.get("properties", entry) if isinstance(entry, dict) else {}
            if isinstance(inner, dict):
                entries.append({str(key).lower(): item for key, item in inner.items()})
        return entries

    def names(self, *, path: str = "") -> list[str]:
        """The names in a directory."""
        found = (entry.get("filename", entry.get("name")) for entry in self.listing(path=path))
        return [str(name) for name in found if name is not None]


class Bench:
    """Makes sessions, sends and counts calls, and deletes what it made.

    ``most_bytes`` is as much as one call may carry; ``fill`` how many sessions may be made to
    fill the pool, 0 for none. May be used from several threads.
    """

    def __init__(self, client: PoolClient, *, most_bytes: int, fill: int = 0) -> None:
        self.client = client
        self.most_bytes = most_bytes
        self.fill = fill
        self.calls = 0
        self.identifiers: list[str] = []
        """Of every session that was ever named, for nobody to read them."""
        self.left: list[str] = []
        """Of those that are not deleted yet."""
        self.undeleted: list[str] = []
        """Of those that could not be deleted."""
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        """The api-version that is used."""
        return self.client.api_version

    @property
    def is_legacy(self) -> bool:
        """Whether the api-version is one of the oldest, with other paths and bodies."""
        return self.version < "2024-10"

    def need(self, operation: str) -> None:
        """Raise NotSettled where the api-version lacks an operation."""
        if not self.client.supports(operation):
            words = operation.replace("_", " ")
            raise NotSettled(f"the api-version {self.version} has no {words}")

    def session(self, identifier: str = "") -> Session:
        """A session of an identifier that nobody has used; the first call makes it."""
        name = identifier or f"{PROBE_PREFIX}{secrets.token_hex(16)}"
        with self._lock:
            self.identifiers.append(name)
            self.left.append(name)
        return Session(self, name)

    def call(
        self,
        method: str,
        path: str,
        *,
        identifier: str | None = None,
        query: tuple[tuple[str, str], ...] = (),
        json: Any = None,
        data: bytes | None = None,
        upload: SmallBody | None = None,
        version: str = "",
        read_timeout: float | None = None,
        patient: bool = True,
    ) -> RawAnswer:
        """Send one call and count it. Raises TransportError when no answer comes.

        After a 429 it is sent again, because that says nothing about the question; NotSettled
        when the pool goes on refusing. Unless ``patient``, it is an answer like any other.
        """
        named: tuple[tuple[str, str], ...] = (("api-version", version or self.version),)
        if identifier is not None:
            named = (*named, ("identifier", identifier))
        request = Request(
            operation="probe",
            method=method,
            path=path,
            query=named + query,
            body=data if json is None else _encoded(json),
        )
        for pause in (*_PAUSES, 0.0):
            with self._lock:
                self.calls += 1
            answer = self.client.raw(request, body=upload, read_timeout=read_timeout)
            if answer.status != 429 or not patient:
                return answer
            if pause:
                asked = retry_after(answer.headers, time.time()) or 0
                self.pause(min(max(pause, asked), _LONGEST_PAUSE))
        raise NotSettled(f"the pool refuses calls for now: {brief(refusal_of(answer))}")

    def pause(self, seconds: float) -> None:
        """Let time go by, because time is what is asked about."""
        threading.Event().wait(seconds)

    def until(self, look: Callable[[], bool], *, seconds: float, every: float) -> bool:
        """Whether ``look`` says yes within some seconds."""
        deadline = time.monotonic() + seconds
        while not look():
            if time.monotonic() > deadline:
                return False
            self.pause(every)
        return True

    def clean_up(self, *, last: bool = False) -> int:
        """Delete the sessions that were made; gives how many could not be deleted so far.

        Those are tried once more when it is the ``last`` time.
        """
        if last:
            self.left += self.undeleted
            self.undeleted = []
        while self.left:
            identifier = self.left[-1]
            gone = self._delete(identifier)
            self.left.pop()
            if not gone:
                self.undeleted.append(identifier)
        return len(self.undeleted)

    def _delete(self, identifier: str) -> bool:
        version = self.version if self.client.supports("get_session") else DEFAULT_API_VERSION
        try:
            answer = self.call(
                "DELETE",
                "/session",
                identifier=identifier,
                version=version,
                read_timeout=_DELETE_SECONDS,
                patient=False,
            )
        except AcaKernelError:
            return False
        return 200 <= answer.status < 300 or answer.status == 404


def _encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode("ascii")
