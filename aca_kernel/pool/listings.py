"""Listings, page by page, which end whatever a service says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from aca_kernel.errors import AnswerLost, UnexpectedAnswer
from aca_kernel.pool.answers import RemoteFile
from aca_kernel.pool.api import Request, next_page
from aca_kernel.pool.names import is_legal_directory

__all__ = ["Budget", "pages", "walk"]

_T = TypeVar("_T")

_MOST_PAGES = 10_000
_MOST_ENTRIES = 1_000_000
_MOST_DIRECTORIES = 10_000  # of a listing that is walked here
_DEEPEST = 32


class Budget:
    """What one listing may take in all: pages, entries, and seconds of waiting for the service.

    ``timeout`` is None for as long as the calls take. What the caller does between two pages
    does not count.
    """

    def __init__(self, timeout: float | None = None) -> None:
        self._seconds = timeout
        self._pages = _MOST_PAGES
        self._entries = _MOST_ENTRIES

    def page(self, ask: Callable[[float | None], tuple[list[_T], str]]) -> tuple[list[_T], str]:
        """What ``ask`` gives within the seconds that are left."""
        if self._seconds is not None and self._seconds <= 0:
            raise AnswerLost(
                "The listing was not complete in the time that it may take.",
                left="Nothing was changed.",
            )
        began = time.monotonic()
        items, link = ask(self._seconds)
        if self._seconds is not None:
            self._seconds -= time.monotonic() - began
        self._pages -= 1
        self._entries -= len(items)
        if self._entries < 0 or (link and self._pages <= 0):
            raise endless()
        return items, link


def pages(
    ask: Callable[[Request, float | None], tuple[list[_T], str]],
    request: Request,
    endpoint: str,
    budget: Budget,
) -> Iterator[_T]:
    """The entries of a listing; ``ask`` gets a page's request and the seconds that it may take."""
    seen = set[str]()
    while True:
        seen.add(request.target)
        items, link = budget.page(partial(ask, request))
        yield from items
        if not link:
            return
        request = next_page(request, link, endpoint)
        if request.target in seen:
            raise endless()


def walk(
    list_directory: Callable[[str], Iterator[RemoteFile]], directory: str
) -> Iterator[RemoteFile]:
    """A recursive listing, one directory after the other."""
    pending = [directory]
    seen = {directory}
    while pending:
        for file in list_directory(pending.pop(0)):
            yield file
            path = file.path
            if not file.is_directory or path in seen or path.count("/") >= _DEEPEST:
                continue
            if len(seen) < _MOST_DIRECTORIES and is_legal_directory(path):
                seen.add(path)
                pending.append(path)


def endless() -> UnexpectedAnswer:
    """The error of a listing that leads to itself, or to ever more."""
    return UnexpectedAnswer("The service's listing has no end.")
