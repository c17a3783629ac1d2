"""Calls of the local pool: who may make them, executions, the life of sessions."""

from __future__ import annotations

import asyncio
import hmac
import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import tornado.web
from tornado.log import app_log

from ..errors import LocalPoolError
from . import answers
from .answers import VERSIONS, DiskFull, Refusal, Version
from .calls import ExecuteCall, checked_identifier, execute_call
from .files import DISK_IS_FULL
from .interpreter import Interpreter
from .outcomes import Outcome
from .sessions import PoolOptions, Session, Sessions

__all__ = [
    "BODY_BYTES",
    "PREFIX",
    "Call",
    "Execute",
    "Execution",
    "Served",
    "StreamedCall",
    "Unknown",
]

PREFIX = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/sessionPools/local"
)
BODY_BYTES = 30_000_000
"""Bytes that the body of a call may have, other than an upload's."""

_DRAINED_BYTES = 64_000_000
_NO_LIMIT = 1 << 60
_SUPPORTED = "2025-02-02-preview, 2025-10-02-preview"


@dataclass
class Served:
    """What the handlers work on; ``last_call`` is the loop's time of the latest one."""

    sessions: Sessions
    options: PoolOptions
    token: str
    origin: str
    hosts: frozenset[str]
    created: datetime
    python: Interpreter

    def __post_init__(self) -> None:
        self.last_call = asyncio.get_running_loop().time()


class Call(tornado.web.RequestHandler):
    """Any call: who may make it, for which api-version, and how answers are sent."""

    served: Served
    version: Version

    def initialize(self, served: Served) -> None:
        """Take what all calls work on."""
        self.served = served
        self.trace_id = str(uuid.uuid4())

    def set_default_headers(self) -> None:
        """Set what every answer has."""
        self.clear_header("Content-Type")
        self.set_header("api-supported-versions", _SUPPORTED)
        self.set_header("mise-correlation-id", str(uuid.uuid4()))

    def prepare(self) -> None:
        """Refuse callers from elsewhere, without the token, or of another api-version."""
        self.served.last_call = asyncio.get_running_loop().time()
        if self.request.host not in self.served.hosts or "Origin" in self.request.headers:
            # A page in a browser, perhaps through a name that it had resolved to loopback.
            raise Refusal(403)
        sent = self.request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(sent, f"Bearer {self.served.token}".encode()):
            raise Refusal(401)
        version = VERSIONS.get(self.get_query_argument("api-version", ""))
        if version is None:
            raise Refusal(401)
        self.version = version

    def session(self) -> tuple[Session, bool]:
        """Give the session that the call names, and whether it is new."""
        return self.served.sessions.allocate(self.identifier())

    def identifier(self) -> str:
        """Give the identifier that the call names."""
        return checked_identifier(self.get_query_argument("identifier", None, strip=False))

    def found(self) -> Session:
        """Give the session that the call names; a Refusal (404) when there is none."""
        identifier = self.identifier()
        session = self.served.sessions.find(identifier)
        if session is None:
            raise Refusal(
                404, "NoSessionFoundError", f"Could not find session with name '{identifier}'."
            )
        session.touch()
        return session

    def need(self, *, wrapped: bool | None = None, sessions: bool = False) -> None:
        """Refuse (404) a route that the api-version does not have."""
        if wrapped not in (None, self.version.wrapped) or (sessions and not self.version.sessions):
            raise Refusal(404)

    def answer(self, body: Any, status: int = 200) -> None:
        """Send ``body`` as JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(body))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log faults of ours, without the address and its identifier; not refusals."""
        if not isinstance(value, (Refusal, tornado.web.HTTPError)):
            app_log.error("%s failed", type(self).__name__, exc_info=(typ, value, tb))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer a Refusal, or a fault of ours as the service's 500."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, tornado.web.HTTPError):
            error = Refusal(error.status_code)
        for one in (error, getattr(error, "__cause__", None)):
            if isinstance(one, OSError) and one.errno in DISK_IS_FULL:
                error = DiskFull()
        if not isinstance(error, Refusal):
            why = (
                str(error) if isinstance(error, LocalPoolError) else "An unexpected error occurred."
            )
            error = Refusal(500, "InternalServerError", why)
        self.set_status(error.status)
        if error.status == 401:
            self.set_header("WWW-Authenticate", "Bearer")
        body = error.body(self.trace_id)
        if body is None:
            self.finish()
            return
        self.set_header("Content-Type", error.content_type)
        self.finish(json.dumps(body))


class StreamedCall(Call):
    """A call whose body comes in pieces, so that its refusal reaches the caller.

    An answer before the body has been read would close the connection under a caller who
    is still sending, and who would not get to see it. So a refusal waits for the rest of
    the body; of which no more than ``_DRAINED_BYTES`` beyond what the call takes are read.
    """

    refusal: Refusal | None = None

    def prepare(self) -> None:
        """Make ready for the body, or to refuse it; at once when it is far too long."""
        self._read = self._readable = 0
        try:
            super().prepare()
            self._readable = self.body_limit()
            self.accept()
        except Refusal as refusal:
            self.refusal = refusal
        except OSError as error:
            self._refuse(error)
        self._readable += _DRAINED_BYTES
        length = self.request.headers.get("Content-Length", "0")
        if length.isdecimal() and int(length) > self._readable:
            raise self.refusal or Refusal(413)
        # tornado's own limit would be answered 400; this one is held in data_received.
        self.request.connection.set_max_body_size(_NO_LIMIT)  # type: ignore[union-attr]

    def body_limit(self) -> int:
        """Give how many bytes the body of an accepted call may have."""
        return BODY_BYTES

    def accept(self) -> None:
        """Make ready for the body of a caller who has the token; a Refusal waits for its end."""

    def take(self, chunk: bytes) -> None:
        """Take in a piece of the body."""
        raise NotImplementedError

    def data_received(self, chunk: bytes) -> None:
        """Pass a piece of the body on, or drop it when the call is refused."""
        self._read += len(chunk)
        if self._read > self._readable:
            refusal = self.refusal or Refusal(413)
            self.send_error(refusal.status, exc_info=(Refusal, refusal, None))
        elif self.refusal is None:
            try:
                self.take(chunk)
            except OSError as error:
                self._refuse(error)

    def _refuse(self, error: OSError) -> None:
        """Refuse the call once its body has been read, because of a full disk."""
        if error.errno not in DISK_IS_FULL:
            raise error
        self.refusal = DiskFull()


class Unknown(Call):
    """No path of the pool's: 401 when it is malformed, else 404 (docs/service.md 11)."""

    def prepare(self) -> None:
        """Answer it, once the caller is known."""
        super().prepare()
        path = self.request.path
        raise Refusal(404 if path.startswith(PREFIX + "/") and "//" not in path else 401)


@tornado.web.stream_request_body
class Execute(StreamedCall):
    """POST /executions, and code/execute of the oldest versions."""

    def accept(self) -> None:
        """Make ready for the body."""
        self._body_read = bytearray()

    def take(self, chunk: bytes) -> None:
        """Keep the body as long as it is not too large."""
        self._body_read += chunk
        if len(self._body_read) > (self.served.options.unknown.max_request_size or BODY_BYTES):
            self._body_read.clear()
            self.refusal = Refusal(413)

    async def post(self, route: str) -> None:
        """Run code in the session."""
        if self.refusal is not None:
            raise self.refusal
        self.need(wrapped=route.startswith("code"))
        call = execute_call(
            self.version, bytes(self._body_read), decode_base64=self.served.options.decode_base64
        )
        self._body_read.clear()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        session, new = self.session()
        unknown = self.served.options.unknown
        if unknown.output_limit_max and call.limit > unknown.output_limit_max:
            raise Refusal(
                400,
                "SessionRequestValidationFailed",
                f"The field outputStreamsMaxLength must be at most {unknown.output_limit_max}.",
                target="outputStreamsMaxLength",
            )
        if unknown.one_call_at_a_time and session.is_busy:
            raise Refusal(409, "SessionBusy", "Another execution runs in this session.")
        allocated = loop.time()
        execution_id = str(uuid.uuid4())
        cap = self.served.options.max_execution_time
        timeout = min(call.timeout or cap, cap)
        if call.asynchronous:
            self._start(session, call, execution_id, timeout)
            return
        if unknown.unfinished_answers and not self.version.wrapped:
            self._start(session, call, execution_id, timeout, apart=False)
            return
        with session.used():
            outcome = await session.execute(call.code, timeout=timeout, limit=call.limit)
        body = self._body(call, outcome, execution_id)
        session.remember(execution_id, body)
        self._timings(
            session,
            new=new,
            allocation=allocated - begun,
            execution=outcome.seconds,
            total=loop.time() - begun,
        )
        self.answer(body, self.version.execute_status)

    def _body(self, call: ExecuteCall, outcome: Outcome, execution_id: str) -> Any:
        return answers.execution(
            self.version,
            outcome,
            execution_id=execution_id,
            identifier=self.identifier(),
            execution_type=call.execution_type,
            milliseconds=int(outcome.seconds * 1000),
        )

    def _timings(
        self, session: Session, *, new: bool, allocation: float, execution: float, total: float
    ) -> None:
        """Set the headers that only Python executions have: milliseconds as decimal strings."""
        for name, value in {
            "allocation-retries": "0",
            "allocation-time": f"{allocation * 1000:.4f}",
            "container-execution-duration": str(int(execution * 1000)),
            "execution-read-response-time": "0.0000",
            "execution-request-time": str(int(execution * 1000)),
            "new-allocation": str(new).lower(),
            "overall-execution-time": f"{(total - allocation) * 1000:.4f}",
            "preparation-time": f"{(total - allocation - execution) * 1000:.4f}",
            "session-guid": str(uuid.uuid4())
            if self.served.options.unknown.session_guid_per_call
            else session.guid,
            "total-execution-service-time": f"{total * 1000:.4f}",
        }.items():
            self.set_header(f"x-ms-{name}", value)

    def _start(
        self,
        session: Session,
        call: ExecuteCall,
        execution_id: str,
        timeout: float,
        *,
        apart: bool = True,
    ) -> None:
        """Run code in the background, ``apart`` in its own interpreter (docs/service.md 7)."""
        execute = session.execute_apart if apart else session.execute
        if self.version.wrapped:
            raise Refusal(
                400, "SessionRequestNotSupported", "Asynchronous execution is not supported."
            )

        async def run() -> None:
            with session.used():
                outcome = await execute(call.code, timeout=timeout, limit=call.limit)
            session.remember(execution_id, self._body(call, outcome, execution_id))

        accepted = self._body(call, session.outcome(call.limit), execution_id)
        accepted["status"] = "Running" if self.version.ids else "NotStarted"
        accepted["result"] |= {"stdout": execution_id, "executionResult": None}
        running = {key: value for key, value in accepted.items() if key != "result"}
        session.remember(execution_id, {**running, "status": "Running"})
        session.spawn(run())
        self.set_header("operation-id", execution_id)
        query = self.request.query
        self.set_header("Operation-Location", f"/executions/{execution_id}?{query}")
        self.answer(accepted, 202)


class Execution(Call):
    """GET /executions/{id}: what became of an execution, the latest few."""

    def get(self, execution_id: str) -> None:
        """Give the answer that the execution had, or its status while it runs."""
        self.need(wrapped=False)
        session, _ = self.session()
        answer = session.executions.get(execution_id)
        if answer is None:
            self.answer(f"No execution available for operation Id: {execution_id}", 404)
            return
        self.answer(answer)
