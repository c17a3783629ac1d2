"""What a session answers to requests, judged: replies, completions, history, and its questions.

Pure. All that comes in is hostile data, of any shape.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from ..messages import Reply
from .streams import bare, plain

__all__ = ["buffers", "completions", "history_lines", "prompt_of", "reply_of"]

MOST_MATCHES = 2000
LONGEST_MATCH = 1000
MOST_LINES = 10_000
LONGEST_LINE = 1_000_000
LONGEST_PROMPT = 10_000

_MAGIC_NAME = re.compile(r"%{1,2}[A-Za-z_]\w*")


def reply_of(content: Mapping[str, Any]) -> Reply:
    """The Reply that the content of an execute_reply tells of, whatever shape it has."""
    if content.get("status") == "ok":
        expressions, payload = content.get("user_expressions"), content.get("payload")
        return Reply(
            user_expressions=expressions if isinstance(expressions, dict) else {},
            payload=payload if isinstance(payload, list) else (),
        )
    trace = content.get("traceback")
    return Reply(
        status="error",
        ename=_text(content.get("ename")) or "Error",
        evalue=_text(content.get("evalue")),
        traceback=[_text(line) for line in trace] if isinstance(trace, list) else (),
    )


def completions(content: Mapping[str, Any], code: str, cursor_pos: int) -> dict[str, Any]:
    """The content of a complete_reply that a front end may act on, whatever ``content`` is.

    JupyterLab puts a single match into the cell by itself. So a match changes nothing but the
    cursor's own line, has no line end, and brings no magic with arguments: ours act here.
    """
    given = content.get("matches")
    line = code.rfind("\n", 0, cursor_pos) + 1
    line_end = code.find("\n", cursor_pos)
    start = _within(content.get("cursor_start"), line, cursor_pos)
    end = _within(content.get("cursor_end"), cursor_pos, len(code) if line_end < 0 else line_end)
    if start is None or end is None or not isinstance(given, list):
        start = end = cursor_pos
        given = []
    before = code[line:start]
    matches = [match for match in given[:MOST_MATCHES] if _is_harmless(match, before)]
    return {
        "status": "ok",
        "matches": matches,
        "cursor_start": start,
        "cursor_end": end,
        "metadata": _kinds(content.get("metadata"), set(matches), start, end),
    }


def _within(value: Any, least: int, most: int) -> int | None:
    return value if type(value) is int and least <= value <= most else None


def _is_harmless(match: Any, before: str) -> bool:
    if not isinstance(match, str) or not 0 < len(match) <= LONGEST_MATCH:
        return False
    if not match.isprintable():
        return False
    if "%" in match:
        return _MAGIC_NAME.fullmatch(match) is not None
    return "%" not in before or " " not in match


def _kinds(metadata: Any, matches: set[str], start: int, end: int) -> dict[str, Any]:
    """What IPython says of its matches, and JupyterLab shows beside them: function, class, ..."""
    name = "_jupyter_types_experimental"
    given = metadata.get(name) if isinstance(metadata, dict) else None
    kinds = [
        {
            "start": start,
            "end": end,
            "text": entry["text"],
            "type": bare(_text(entry.get("type"))[:100]),
            "signature": bare(_text(entry.get("signature"))[:LONGEST_MATCH]),
        }
        for entry in (given[:MOST_MATCHES] if isinstance(given, list) else ())
        if isinstance(entry, dict)
        and isinstance(entry.get("text"), str)
        and entry["text"] in matches
        and (entry.get("start"), entry.get("end")) == (start, end)
    ]
    return {name: kinds} if kinds else {}


def history_lines(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a history_reply: (session, line, input or [input, output]) alone."""
    given = content.get("history")
    lines: list[list[Any]] = []
    for entry in given[-MOST_LINES:] if isinstance(given, list) else ():
        if not isinstance(entry, list) or len(entry) != 3:
            continue
        session, number, texts = entry
        texts = texts if isinstance(texts, list) else [texts]
        if type(session) is not int or type(number) is not int or len(texts) > 2:
            continue
        if not all(text is None or isinstance(text, str) for text in texts):
            continue
        shown = [None if text is None else bare(text[:LONGEST_LINE]) for text in texts]
        lines.append([session, number, shown if len(shown) == 2 else shown[0] or ""])
    return {"status": "ok", "history": lines}


def prompt_of(content: Mapping[str, Any]) -> tuple[str, bool]:
    """What an input_request asks, harmless to a terminal, and whether the answer is hidden."""
    return plain(_text(content.get("prompt"))[:LONGEST_PROMPT]), content.get("password") is True


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def buffers(encoded: Any) -> list[bytes]:
    """A message's binary buffers; none when they are not base64 as a whole."""
    if not isinstance(encoded, list):
        return []
    try:
        return [base64.b64decode(part, validate=True) for part in encoded]
    except (binascii.Error, TypeError, ValueError):
        return []
