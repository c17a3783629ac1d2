"""Text from a session: terminal controls removed, colours kept.

Kept are SGR colours, carriage return, backspace, tab and line feed (a progress bar needs them).
Removed are all other C0 and C1 controls, escape sequences, operating system commands such as
links and titles (a missing end ends them at the line's end), and the two bidirectional overrides
U+202D and U+202E, which make text read as another one; right-to-left text needs neither. Lone
surrogates, which no message can carry, become U+FFFD.
"""

from __future__ import annotations

import re

__all__ = ["StreamText", "bare", "encodable", "plain"]

_SGR = r"\[[0-9;:]{0,48}m"
_UNSAFE = re.compile("[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f\u202d\u202e]")
_SAFE_ASCII = bytes(code for code in range(128) if not _UNSAFE.match(chr(code)))
_BLOCK = 500_000
_LONG = 4096  # characters from which on the way through bytes is the quicker one
_CONTROL = re.compile(
    rf"\x1b(?!{_SGR})(?:"
    r"\[[0-?]*[ -/]*[@-~]?"  # a control sequence that is no colour
    r"|[\]PX^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # a command with a string: OSC, DCS, ...
    r"|[ -/]*[0-~]?"
    r")"
    r"|\x9b[0-?]*[ -/]*[@-~]?"
    r"|[\x90\x98\x9d\x9e\x9f][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    "|[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202d\u202e]"
)
_COLOUR = re.compile(rf"\x1b{_SGR}")
_BEGUN = re.compile(r"(?:\x1b(?:\[[0-?]{0,64}[ -/]{0,8})?|\x9b[0-?]{0,64}[ -/]{0,8})\Z")
_STRING = re.compile(r"\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f]")
_STRING_END = re.compile(r"[\x07\x1b\x9c\n]")


def encodable(text: str) -> str:
    """``text`` with U+FFFD for what UTF-8 cannot carry."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def plain(text: str) -> str:
    """``text`` with colours as its only terminal controls."""
    text = encodable(text)
    return _CONTROL.sub("", text) if _is_unsafe(text) else text


def bare(text: str) -> str:
    """``text`` without colours too, for names and one-line values."""
    return _COLOUR.sub("", plain(text))


def _is_unsafe(text: str) -> bool:
    if len(text) >= _LONG and text.isascii():
        blocks = (text[begin : begin + _BLOCK] for begin in range(0, len(text), _BLOCK))
        return any(block.encode("ascii").translate(None, _SAFE_ASCII) for block in blocks)
    return _UNSAFE.search(text) is not None


class StreamText:
    """Cleans one stream (stdout or stderr) whose sequences may be split over messages."""

    def __init__(self) -> None:
        self._begun = ""
        self._in_string = False

    def clean(self, text: str) -> str:
        """What of ``text`` can be shown now; the begin of a sequence waits for its rest."""
        text = self._begun + text
        self._begun = ""
        if self._in_string:
            end = _STRING_END.search(text)
            if end is None:
                return ""
            self._in_string = False
            text = text[end.end() if end[0] in "\x07\x9c" else end.start() :]
        begun = _BEGUN.search(text, max(0, len(text) - 80))
        if begun:
            text, self._begun = text[: begun.start()], begun[0]
        start = _open_string(text)
        if start is not None:
            self._in_string = True
            text = text[:start]
        return plain(text)


def _open_string(text: str) -> int | None:
    """Where the command begins whose end ``text`` lacks; None when there is none."""
    if not _is_unsafe(text):
        return None
    line = max(text.rfind(end) for end in "\x07\x9c\n") + 1
    start = _STRING.search(text, max(line, text.rfind("\x1b")))
    return start.start() if start else None
