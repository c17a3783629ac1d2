"""Which path is answered by which call (docs/service.md 2)."""

from __future__ import annotations

import re

import tornado.web

from .filehandlers import File, FileContent, Files, FilesUpload
from .handlers import PREFIX, Execute, Execution, Served, Unknown
from .sessionhandlers import ListSessions, ManagedSession, ManagedSessions, Metadata, SessionCall

__all__ = ["application"]

_SLASH = r"(?:/|%2[Ff])"
# Some clients give a file's full path where its name is asked.
_FULL_PATH = rf"({_SLASH}*mnt{_SLASH}+data{_SLASH}.+)"

_ROUTES: dict[str, type[tornado.web.RequestHandler]] = {
    r"(code/execute|executions)": Execute,
    r"executions/([^/]+)": Execution,
    r"files": Files,
    r"files/upload": FilesUpload,
    rf"files/{_FULL_PATH}/(content)": FileContent,
    rf"files/(content)/{_FULL_PATH}": FileContent,
    rf"files/{_FULL_PATH}": File,
    r"files/([^/]+)/([^/]+)": FileContent,
    r"files/([^/]+)": File,
    r"session": SessionCall,
    r"listSessions": ListSessions,
    r"metadata": Metadata,
    r"\.management/getSession": ManagedSession,
    r"\.management/listSessions": ManagedSessions,
}


def application(served: Served) -> tornado.web.Application:
    """Give the application that answers every path, with ``served`` behind it."""
    shared = {"served": served}
    rules = [
        (f"{re.escape(PREFIX)}/{route}", handler, shared) for route, handler in _ROUTES.items()
    ]
    # No access log: the identifier in an address lets into its session.
    return tornado.web.Application(
        rules,
        default_handler_class=Unknown,
        default_handler_args=shared,
        log_function=lambda _: None,
    )
