"""The requests that the guest kernel has got, and which of them end without an answer. Pure.

ipykernel owes a reply on shell and an idle on iopub, and keeps either to itself when its handler
raises. It handles one request after the other. So a request is sent behind those that are open,
a probe: when that is answered, nothing more comes for what was before it.

Sent into the session: Python 3.8 and the standard library only.
"""

from __future__ import annotations

from collections import deque

LONG = 1.0  # seconds after which a request that says nothing is probed; and probed again

HALF = 0.02  # seconds that reply and idle may come apart, as they come in two ways

ENTRY = 0.05  # seconds between a cell's execute_input and its code, and more


class Request:
    """One request: ``to_come`` are those of "reply" and "idle" that have not come."""

    def __init__(self, is_cell: bool) -> None:
        self.is_cell = is_cell
        self.to_come = {"reply", "idle"}
        self.sent: float | None = None  # when the kernel was given it
        self.half_at: float | None = None  # when the first of reply and idle came
        self.has_begun = False  # whether SIGINT would strike it
        self.begun_at = 0.0
        self.is_struck = False  # whether SIGINT was sent to it
        self.is_beside = False  # whether a subshell handles it, which SIGINT does not strike
        self.is_seen = False  # whether any message of it has come
        self.probe = ""  # the last one behind it
        self.seen: dict[str, float] = {}  # when which message of that probe came

    def wants_probe(self, now: float) -> bool:
        """Whether it is time to send a probe behind it."""
        if self.sent is None or self.is_beside:
            return False
        if self.probe:
            return bool(self.seen) and now - max(self.seen.values()) > LONG
        if self.half_at is not None:
            return now - self.half_at > HALF
        return now - self.sent > LONG

    def is_over(self, now: float) -> bool:
        """Whether its probe shows that no more comes of it."""
        reply, busy = self.seen.get("reply"), self.seen.get("busy")
        if self.to_come == {"reply"}:
            return reply is not None
        if self.to_come == {"idle"}:
            return busy is not None
        if not self.is_seen:
            return reply is not None and busy is not None
        # A kernel that is made to handle requests in the middle of a cell answers them whole;
        # one whose sys.stdout cannot be flushed never comes to an idle. SIGINT in ipykernel's
        # own code takes both from a request.
        is_odd = self.is_struck or "idle" not in self.seen
        return reply is not None and now - reply > LONG and is_odd


class Requests:
    """The requests by message id. ``ended`` are the last ones of which all has come."""

    def __init__(self) -> None:
        self._open: dict[str, Request] = {}
        self.ended: deque[str] = deque(maxlen=100)

    def __contains__(self, message_id: object) -> bool:
        return message_id in self._open

    def __len__(self) -> int:
        return len(self._open)

    @property
    def has_cell(self) -> bool:
        """Whether code runs in the guest kernel, or waits there."""
        return any(request.is_cell for request in self._open.values())

    def is_in_code(self, now: float) -> bool:
        """Whether SIGINT would strike what a cell runs, and not ipykernel before it."""
        return any(
            one.has_begun and now - one.begun_at > ENTRY and not one.is_beside
            for one in self._open.values()
        )

    def begun(self, message_id: object) -> bool:
        """Whether SIGINT would strike this request."""
        request = self._open.get(str(message_id))
        return request is not None and request.has_begun and not request.is_beside

    def goes_beside(self, message_id: str) -> None:
        """Note that a subshell handles a request: no probe tells of it, and no cell holds it up."""
        if message_id in self._open:
            self._open[message_id].is_beside = True

    def forget_beside(self, message_id: object) -> None:
        """Forget a request in a subshell that nobody waits for any more."""
        request = self._open.get(str(message_id))
        if request is not None and request.is_beside:
            self._end(str(message_id))

    def add(self, message_id: str, *, is_cell: bool) -> None:
        """Take in a request that the kernel will be given."""
        self._open[message_id] = Request(is_cell)

    def sent(self, message_id: str, now: float) -> None:
        """Note that the kernel has been given a request."""
        if message_id in self._open:
            self._open[message_id].sent = now

    def strike(self, probe: str) -> None:
        """Note that SIGINT was sent, and a probe behind it."""
        self.probe(probe)
        for request in self._open.values():
            request.is_struck = request.is_struck or (request.has_begun and not request.is_beside)

    def see(self, message_id: str, kind: str, *, is_busy: bool, now: float) -> None:
        """Note an iopub message of a request."""
        request = self._open.get(message_id)
        if request is None:
            return
        request.is_seen = True
        if not request.has_begun and (kind == "execute_input" if request.is_cell else is_busy):
            request.has_begun, request.begun_at = True, now

    @property
    def is_half_done(self) -> bool:
        """Whether of some request the reply has come and the idle has not, or the other way."""
        return any(one.half_at is not None and not one.is_beside for one in self._open.values())

    def take(self, message_id: str, end: str, now: float) -> bool:
        """Take in a "reply" or "idle"; False when it ends nothing, because it had come before."""
        request = self._open.get(message_id)
        if request is None or end not in request.to_come:
            return False
        request.to_come.remove(end)
        request.half_at = now
        if not request.to_come:
            self._end(message_id)
        return True

    def _end(self, message_id: str) -> None:
        del self._open[message_id]
        self.ended.append(message_id)

    def wants_probe(self, now: float) -> bool:
        """Whether a probe has to be sent behind the requests."""
        return any(request.wants_probe(now) for request in self._open.values())

    def probe(self, probe: str) -> None:
        """Note that a probe was sent behind all requests that the kernel has been given."""
        for request in self._open.values():
            if request.sent is not None and not request.is_beside:
                request.probe, request.seen = probe, {}

    def answered(self, probe: str, what: str, now: float) -> None:
        """Note a message of a probe: its "busy", "reply" or "idle"."""
        for request in self._open.values():
            if request.probe == probe:
                request.seen.setdefault(what, now)

    def unanswered(self, now: float) -> list[str]:
        """The requests of which no more will come. They are ended."""
        over = [message_id for message_id, one in self._open.items() if one.is_over(now)]
        for message_id in over:
            self._end(message_id)
        return over

    def clear(self) -> None:
        """Forget all that are open: their kernel is gone."""
        self._open.clear()
