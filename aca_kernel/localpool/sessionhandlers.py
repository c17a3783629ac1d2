"""Calls of the local pool about its sessions and about itself."""

from __future__ import annotations

from . import answers
from .answers import Malformed, Refusal
from .handlers import PREFIX, Call
from .sessions import Session

__all__ = ["ListSessions", "ManagedSession", "ManagedSessions", "Metadata", "SessionCall"]


class SessionCall(Call):
    """/session: a session's times and etag, and its end."""

    def prepare(self) -> None:
        """Answer 404 when this pool has no such call."""
        super().prepare()
        if self.served.options.unknown.no_session_calls:
            raise Refusal(404)

    def get(self) -> None:
        """Describe the session."""
        self.need(sessions=True)
        self.answer(answers.session_entry(self.found().times, etag=True))

    async def delete(self) -> None:
        """End the session: its interpreter, its files."""
        self.need(sessions=True)
        await self.served.sessions.release(self.found())
        self.set_status(204)
        self.finish()


class ListSessions(Call):
    """GET /listSessions: all sessions of the pool, in pages."""

    def get(self) -> None:
        """Give one page; ``skip`` says where it starts."""
        self.need(sessions=True)
        page, link = self.page("listSessions")
        entries = [answers.session_entry(one.times, etag=False) for one in page]
        self.answer({"sessions": entries, **({"nextLink": link} if link else {})})

    def page(self, route: str) -> tuple[list[Session], str]:
        """Give the sessions of the page that is asked for, and the link to the next, if any."""
        skip = self.get_query_argument("skip", "0")
        if not skip.isdecimal():
            raise Malformed("skip", f"The value '{skip}' is not valid.")
        listed, start = self.served.sessions.listed(), int(skip)
        end = start + self.served.options.page_size
        link = f"{self.served.origin}{PREFIX}/{route}?api-version={self.version.name}&skip={end}"
        return listed[start:end], link if end < len(listed) else ""


class ManagedSessions(ListSessions):
    """POST /.management/listSessions: the same in Learn's words (docs/service.md 2.3)."""

    def post(self) -> None:
        """Give one page."""
        page, link = self.page(".management/listSessions")
        value = [answers.managed_session(one.times) for one in page]
        more = {"nextLink": link} if link else {}
        self.answer({"value": value, "count": len(value), **more})

    def get(self) -> None:
        """Refuse: it is a POST."""
        raise Refusal(405)


class ManagedSession(Call):
    """POST /.management/getSession: one session in Learn's words (docs/service.md 2.3)."""

    def post(self) -> None:
        """Describe the session; 400 when there is none (docs/service.md 10)."""
        session = self.served.sessions.find(self.identifier())
        if session is None:
            message = "There is no session with that identifier."
            raise Refusal(400, "SessionWithIdentifierNotFound", message)
        session.touch()
        self.answer(answers.managed_session(session.times))


class Metadata(Call):
    """GET /metadata: what the sessions are made of."""

    def get(self) -> None:
        """Describe the pool."""
        self.need(sessions=True)
        self.answer(answers.pool_metadata(self.served.python, self.served.created))
