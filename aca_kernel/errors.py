"""Every error that a user can meet.

Each one says, in up to three sentences, what happened, what state remains and
what to do. ``str(error)`` is that text; it never holds a token or a full session
identifier. They form a tree::

    AcaKernelError
    ├── ConfigurationError          an option is missing or wrong; nothing was sent
    ├── UsageError                  a magic or command was called wrongly
    ├── TransferError               a file was refused or did not arrive whole
    │   └── OutsideRoot             (magics) it lies outside the transfer root
    ├── AuthenticationError         no login, or the service refused the token (401)
    ├── TransportError              the network failed
    │   ├── NotSent                 surely before the request left: safe to repeat
    │   └── AnswerLost              the request may have been carried out
    ├── ServiceError                the service answered, and refused or failed
    │   ├── BadRequest              400, 404, 413 and other 4xx
    │   │   ├── NotFound            404: no such file, session or pool
    │   │   ├── PayloadTooLarge     413
    │   │   └── PermissionRefused   403: the role is missing
    │   ├── RefusedForNow           408, 409, 423, 425: the same request may pass later
    │   │   └── TooManyRequests     429
    │   │       └── PoolFull        429 SessionsCountExceedsLimit, or the same under another code
    │   ├── ServiceUnavailable      5xx
    │   └── UnexpectedAnswer        not JSON, or JSON of another shape
    ├── VersionLacks                this api-version has no such operation
    ├── SessionLost                 the service replaced the session: its state is gone
    ├── ExecutionFailed             the service gave up on a cell (timeout, aborted, ...)
    ├── ErrorInSession              (extension) a %%session cell raised, in the session
    └── LocalPoolError              the embedded local pool could not start
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "AcaKernelError",
    "AnswerLost",
    "AuthenticationError",
    "BadRequest",
    "Command",
    "ConfigurationError",
    "ErrorInSession",
    "ExecutionFailed",
    "LocalPoolError",
    "NotFound",
    "NotSent",
    "PayloadTooLarge",
    "PermissionRefused",
    "PoolFull",
    "RefusedForNow",
    "ServiceError",
    "ServiceUnavailable",
    "SessionLost",
    "Step",
    "TooManyRequests",
    "TransferError",
    "TransportError",
    "UnexpectedAnswer",
    "UsageError",
    "VersionLacks",
]


FILES_STAY = "Variables are gone; the files in /mnt/data are still there."
"""What remains of a session whose Python is another one."""

FROM_THE_TOP = "Run the notebook from the top."
"""What to do when variables are gone."""

ALL_STAYS = "Variables and files stay."
"""What remains when only an answer is missing."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A line to copy into a terminal; ``terminal`` says of which shell, where they differ."""

    line: str
    terminal: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of what to do about an error."""

    text: str
    commands: Sequence[Command] = ()


class AcaKernelError(Exception):
    """The base of every error that is shown to a user.

    ``what`` happened, what is ``left`` (the state that remains), and the ``remedy``
    (what to do, often a command to copy). Empty parts are left out of ``str(error)``.
    ``steps`` say at length what the remedy says in short, for those who set this up.
    """

    is_passing: bool = False
    """Whether the same request may well pass later, because nothing is wrong with it."""

    def __init__(
        self, what: str, *, left: str = "", remedy: str = "", steps: Sequence[Step] = ()
    ) -> None:
        super().__init__(what)
        self.what = what
        self.left = left
        self.remedy = remedy
        self.steps = steps

    def __str__(self) -> str:
        return "\n".join(part for part in (self.what, self.left, self.remedy) if part)

    def _render_traceback_(self) -> list[str]:
        """What IPython shows for it in a local notebook: the text, no traceback of ours."""
        first, *rest = str(self).splitlines() or [""]
        return [f"\x1b[31m{type(self).__name__}\x1b[0m: {first}", *rest]


class ConfigurationError(AcaKernelError):
    """An option is missing or wrong; nothing was sent."""


class UsageError(AcaKernelError):
    """A magic or a command was called wrongly; nothing was done."""


class TransferError(AcaKernelError):
    """A file was refused, or did not arrive whole."""


class AuthenticationError(AcaKernelError):
    """No login was found, or the service refused the token (401)."""


class TransportError(AcaKernelError):
    """The network failed between here and the pool."""

    is_passing = True


class NotSent(TransportError):
    """The request surely did not reach the service, so repeating it is safe."""


class AnswerLost(TransportError):
    """The request may have been carried out, but its answer did not arrive."""


class ServiceError(AcaKernelError):
    """The service answered, and refused or failed.

    ``status`` is the HTTP status, ``code`` the service's own error code ("" when it
    gave none), ``correlation_id`` what Azure support asks for ("" when missing).
    """

    retry_after: float | None = None
    """Seconds that the service asks to wait; None when it does not say."""

    field: str = ""
    """The field of the request that the service named as wrong; "" when it named none."""

    def __init__(
        self,
        what: str,
        *,
        left: str = "",
        remedy: str = "",
        steps: Sequence[Step] = (),
        status: int = 0,
        code: str = "",
        correlation_id: str = "",
    ) -> None:
        super().__init__(what, left=left, remedy=remedy, steps=steps)
        self.status = status
        self.code = code
        self.correlation_id = correlation_id

    def __str__(self) -> str:
        facts = [f"HTTP {self.status}"] if self.status else []
        facts += [self.code] if self.code else []
        facts += [f"field {self.field}"] if self.field else []
        facts += [f"correlation id {self.correlation_id}"] if self.correlation_id else []
        text = super().__str__()
        return f"{text}\n({', '.join(facts)})" if facts else text


class BadRequest(ServiceError):
    """The service refused the request as it was (4xx)."""


class NotFound(BadRequest):
    """There is no such file, session or pool (404)."""


class PayloadTooLarge(BadRequest):
    """The file or the request is above the service's limit (413)."""

    limit: int | None = None
    """The bytes that the service says it takes; None when it does not say."""


class PermissionRefused(BadRequest):
    """The login is valid, but lacks the role on this pool (403)."""


class RefusedForNow(ServiceError):
    """The service refused the request for a reason that passes (408, 409, 423, 425)."""

    is_passing = True


class TooManyRequests(RefusedForNow):
    """The service refused the request because there were too many (429)."""


class PoolFull(TooManyRequests):
    """All sessions of the pool are taken (429 SessionsCountExceedsLimit)."""

    is_passing = False


class ServiceUnavailable(ServiceError):
    """The service failed (5xx)."""

    is_passing = True


class UnexpectedAnswer(ServiceError):
    """The answer is not JSON, or JSON of another shape than any known one.

    ``is_passing`` is True for one that was cut, and for a web page in its place.
    """


class VersionLacks(AcaKernelError):
    """The api-version in use has no such operation."""


class SessionLost(AcaKernelError):
    """The service replaced the session: variables and files are gone."""


class ExecutionFailed(AcaKernelError):
    """The service gave up on a cell: a timeout, an abort, a dead interpreter."""


class ErrorInSession(AcaKernelError):
    """Code in the session raised. IPython shows the ``traceback`` that was raised there.

    ``ename``, ``evalue`` and ``traceback`` are what Jupyter's error message holds: text of the
    session, which the output policy let through.
    """

    def __init__(self, ename: str, evalue: str, traceback: list[str]) -> None:
        super().__init__(f"{ename}: {evalue}" if evalue else ename)
        self.ename = ename
        self.evalue = evalue
        self.traceback = traceback

    def _render_traceback_(self) -> list[str]:
        return self.traceback


class LocalPoolError(AcaKernelError):
    """The embedded local pool could not start."""
