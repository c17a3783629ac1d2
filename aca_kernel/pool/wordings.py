"""What a refusal is about, in whatever words a service puts it: a full pool, a version, a size.

Pure. The words that are known are in docs/service.md 11; a front end may have others.
"""

from __future__ import annotations

import re

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
_VERSION = re.compile(r"api-?_? ?version", re.IGNORECASE)
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
_FACTORS = {"k": 2**10, "m": 2**20, "g": 2**30}


def is_full(status: int, code: str, message: str) -> bool:
    """Whether a pool has no session left."""
    if status not in (403, 404, 409, 429, 503):
        return False
    return bool(_FULL_CODE.search(code) or _FULL_MESSAGE.search(message))


def is_about_version(status: int, said: str) -> bool:
    """Whether the service names the api-version as what it does not take."""
    return status in (400, 404, 405, 406, 410, 501) and bool(_VERSION.search(said))


def is_about_size(code: str, message: str) -> bool:
    """Whether a refusal says that the request is too large."""
    return bool(_LARGE_CODE.search(code) or _LARGE_MESSAGE.search(message))


def stated_limit(message: str) -> int | None:
    """The bytes that a message names as the most; None when it names none that could be it."""
    found = []
    for number, unit in _SIZE.findall(message):
        factor = _FACTORS.get(unit[:1].lower(), 1)
        size = float(number.replace(",", "").replace("_", "")) * factor
        if 256 <= size < 2**50:
            found.append(int(size))
    return min(found) if found else None
