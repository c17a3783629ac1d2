"""How much one cell may show: counters with limits, and one notice for each limit that is met."""

from __future__ import annotations

__all__ = ["MAX_MESSAGE", "Budget"]

MAX_MESSAGE = 64 * 1024 * 1024
"""Characters of one display above which it is not shown."""

_LIMITS = {
    "text": 100 * 1024 * 1024,  # characters of stdout and stderr
    "data": 512 * 1024 * 1024,  # characters of displays
    "displays": 10_000,
    "frames": 200,  # each is two documents to the browser
    "parsed": 128 * 1024 * 1024,  # characters of HTML looked at; a second is 5 MB and more
    "rendered": 8 * 1024 * 1024,  # characters of Markdown; a second is 50 KB and more
    "messages": 1_000_000,
}
_HELD = ("text", "data", "displays", "frames")
"""What the cell's output holds, and what clear_output gives back."""

_WHY = {
    "text": "more than 100 MB of text was printed",
    "data": "more than 512 MB was displayed",
    "displays": "more than 10,000 things were displayed",
    "messages": "more than 1,000,000 messages came",
    "size": "one display was larger than 64 MB",
}
_THEN = {
    "text": "The rest of it is left out. Write it to a file in the session and %download that.",
    "data": "Further displays are left out; clear_output() makes room.",
    "displays": "Further displays are left out; clear_output() makes room.",
    "messages": "The rest of the cell's output is left out; the cell itself goes on.",
    "size": "It is left out. Save it to a file in the session and %download that.",
}


class Budget:
    """What one cell has used of its limits."""

    def __init__(self) -> None:
        self._used = dict.fromkeys(_LIMITS, 0)
        self._said: set[str] = set()
        self._remarks: list[str] = []

    def take(self, kind: str, amount: int = 1) -> bool:
        """Whether ``amount`` more of ``kind`` is within the limit; if so it counts as used."""
        if self._used[kind] + amount > _LIMITS[kind]:
            return False
        self._used[kind] += amount
        return True

    def give_back(self, kind: str) -> None:
        """Count one of ``kind`` less: it is about to be replaced."""
        self._used[kind] = max(0, self._used[kind] - 1)

    def left(self, kind: str) -> int:
        """How much more of ``kind`` there may be."""
        return _LIMITS[kind] - self._used[kind]

    def clear(self) -> None:
        """Give back what the cell's output held."""
        self._used.update(dict.fromkeys(_HELD, 0))
        self._said.difference_update(_HELD)

    def complaint(self, kind: str) -> str | None:
        """What to tell the user about the limit ``kind``; None when that has been said."""
        if kind in self._said:
            return None
        self._said.add(kind)
        return f"Output was cut: {_WHY[kind]} by one cell.\n{_THEN[kind]}"

    def remark(self, text: str) -> None:
        """Have ``text`` told beside what is shown; once a cell."""
        if text not in self._said:
            self._said.add(text)
            self._remarks.append(text)

    def remarks(self) -> list[str]:
        """What is to be told now."""
        told, self._remarks = self._remarks, []
        return told
