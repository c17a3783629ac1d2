"""What a refusal is about, in whatever words a service puts it: a full pool, a version, a size.

Pure. The words that are known are in docs/service.md 11; a front end may have others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["is_about_size", "is_about_version", "is_full", "stated_limit"]

_FULL_CODE = re.compile(
    r"(max|maximum|too ?many)\w*sessions?(count)?(reached|exceed)?"
    r"|no(available|free|ready|more)\w*sessions?"
    r"|sessions?(count|limit|quota|pool)?\w*(exceed|reach|exhaust)",
    re.IGNORECASE,
)
_FULL_MESSAGE = re.compile(
    r"maximum (active |concurrent )?(number of )?(active |concurrent )?sessions"
    r"|no (more )?(available|free|ready) sessions?|no sessions? (is|are) available"
    r"|sessions? (count|limit)[^.]{0,40}(exceed|reached)",
    re.IGNORECASE,
)
_VERSION = re.compile(r"api[-_ ]?version(?!s?=)", re.IGNORECASE)  # with "=": of a URL it repeats
_LARGE_CODE = re.compile(
    r"(entity|payload|body|content|request|file)\w*too ?large|maxrequest|sizelimit|toolarge",
    re.IGNORECASE,
)
_LARGE_MESSAGE = re.compile(
    r"(body|request|payload|content|file|entity|upload)[^.]{0,40}(too large|too big|exceeds)"
    r"|maximum (request|body|content|payload|upload|file)[^.]{0,20}(size|length)",
    re.IGNORECASE,
)
_SIZE = re.compile(
    r"(?<![\w.])(\d[\d,_]{0,14}(?:\.\d+)?) ?(bytes?|[KMG]i?B|B)?(?![\w-])", re.IGNORECASE
)
_LIMIT_HEADER = re.compile(r"(max|limit).*(size|length|bytes|body)", re.IGNORECASE)
_LEAST = 256
_LEAST_BARE = 4096
"""A smaller number without a unit may be a status, a year or a place in the request."""

_FACTORS = {"k": 2**10, "m": 2**20, "g": 2**30}


def is_full(status: int, code: str, message: str) -> bool:
    """Whether a pool has no session left."""
    if code == "SessionsCountExceedsLimit":
        return True
    if status not in (403, 404, 409, 429, 503):
        return False
    return bool(_FULL_CODE.search(code) or _FULL_MESSAGE.search(message))


def is_about_version(status: int, said: str) -> bool:
    """Whether the service names the api-version as what it does not take."""
    return status in (400, 404, 405, 406, 410, 501) and bool(_VERSION.search(said))


def is_about_size(code: str, message: str) -> bool:
    """Whether a refusal says that the request is too large."""
    return bool(_LARGE_CODE.search(code) or _LARGE_MESSAGE.search(message))


def stated_limit(message: str, headers: Mapping[str, str] | None = None) -> int | None:
    """The bytes that a refusal names as the most; None when it names none that could be it."""
    found = [
        size
        for name, text in (headers or {}).items()
        if _LIMIT_HEADER.search(name)
        for size in _sizes(text)
    ]
    found = found or _sizes(message)
    return min(found) if found else None


def _sizes(text: str) -> list[int]:
    found = []
    for number, unit in _SIZE.findall(text):
        factor = _FACTORS.get(unit[:1].lower(), 1)
        size = float(number.replace(",", "").replace("_", "")) * factor
        least = _LEAST if unit else _LEAST_BARE
        if least <= size < 2**50:
            found.append(int(size))
    return found
