"""What a session may show in a notebook: the output policy (SECURITY.md, promise 2).

``isolated`` (the default) lets through what cannot act on the user's page, ``text`` only text,
``trusted`` everything, as from a local kernel. All input is hostile and may have any shape: no
method here raises, and what is not understood is not shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any

from .budget import MAX_MESSAGE, Budget
from .bundle import isolated_bundle, text_bundle
from .notices import notice
from .payloads import MAX_ITEMS, explained, new_cell
from .remedies import ISOLATED
from .streams import StreamText, bare, plain

__all__ = ["COMM_TYPES", "MESSAGE_TYPES", "POLICIES", "OutputPolicy"]

POLICIES = ("isolated", "trusted", "text")

MESSAGE_TYPES = frozenset(
    {
        "stream",
        "display_data",
        "update_display_data",
        "execute_result",
        "error",
        "clear_output",
    }
)
"""What may come out of a session, under any policy."""

COMM_TYPES = frozenset({"comm_open", "comm_msg", "comm_close"})
"""What widgets say, which acts on the page: under ``trusted`` alone."""

Message = tuple[str, dict[str, Any]]

MAX_ENAME = 200
MAX_EVALUE = 100_000
MAX_TRACEBACK = 4 * 1024 * 1024
MAX_TRACEBACK_LINES = 20_000
MAX_INSPECTION = 1024 * 1024
MAX_EXPRESSIONS = 200

_CUT = " ... [aca-kernel: cut]"
_REFUSED = "An output was refused: it is not of a form that can be judged.\nprint() it."
_TOO_LARGE = (
    "An output of more than 64 MB was left out.\n"
    "Write it to a file in /mnt/data, and %download that."
)
_OVERHEAD = 100
"""Characters that a message counts beside its content."""


class OutputPolicy:
    """What the session may show in one cell; one object per cell, for it counts.

    ``name`` is one of ``POLICIES``. ``scope`` is a random text of this kernel and session: it
    becomes part of every display_id, so that no session names another's display or one of ours.
    """

    def __init__(self, name: str, *, scope: str = "") -> None:
        if name not in POLICIES:
            raise ValueError(f"The output policy is one of {', '.join(POLICIES)}, not {name!r}.")
        self._name = name
        self._scope = scope
        self._budget = Budget()
        self._pictures: Mapping[str, str] = {}
        self._framed: set[Any] = set()  # the display_ids whose display is a frame
        self._streams = {"stdout": StreamText(), "stderr": StreamText()}

    @property
    def name(self) -> str:
        """Which of ``POLICIES`` it is."""
        return self._name

    def message(
        self,
        msg_type: str,
        content: Mapping[str, Any],
        metadata: Mapping[str, Any],
        pictures: Mapping[str, str] = MappingProxyType({}),
    ) -> list[Message]:
        """The messages to send instead of this one, in order; none when it is dropped.

        ``pictures`` has the data of Markdown's pictures that are files of the session.

        ``metadata`` is the message's own, which is never passed on. Only ``MESSAGE_TYPES`` come
        out, under ``trusted`` also ``COMM_TYPES``.
        """
        is_known = isinstance(msg_type, str) and (
            msg_type in MESSAGE_TYPES or (self._name == "trusted" and msg_type in COMM_TYPES)
        )
        if not is_known or not isinstance(content, Mapping):
            return []
        if self._name == "trusted":
            return [(msg_type, dict(content))]
        self._pictures = pictures
        try:
            return self._judged(msg_type, content)
        except Exception:
            # Whatever a hostile message provoked, it is not shown, and the cell goes on.
            return [("display_data", notice(_REFUSED))]

    def payload(self, payload: Sequence[Any]) -> list[dict[str, Any]]:
        """What of an execute_reply's payload may reach the front end.

        A ``page`` with judged data, and the text of one new cell (without magics, and never instead
        of the user's); everything else acts on the front end.
        """
        if not isinstance(payload, list | tuple):
            return []
        if self._name == "trusted":
            return [dict(item) for item in payload if isinstance(item, Mapping)]
        kept: dict[str, dict[str, Any]] = {}
        for item in payload[:MAX_ITEMS]:
            if not isinstance(item, Mapping):
                continue
            source = item.get("source")
            try:
                if source == "page":
                    kept["page"] = {
                        "source": "page",
                        "data": self._bundle(item.get("data"), {})[0],
                        "start": 0,
                    }
                elif source == "set_next_input" and self._name == "isolated":
                    kept.pop("next", None)  # the last one counts
                    if cell := new_cell(item):
                        kept["next"] = cell
            except Exception:  # noqa: S112 - hostile data: fail closed
                continue
        return list(kept.values())

    def about_payload(self, payload: Sequence[Any]) -> list[Message]:
        """What tells the user of a payload that does not happen; none under ``trusted``."""
        if not isinstance(payload, list | tuple) or self._name == "trusted":
            return []
        told = explained(payload, new_cells=self._name == "isolated")
        return [("display_data", content) for content in told]

    def error(self, ename: Any, evalue: Any, traceback: Any) -> tuple[str, str, list[str]]:
        """The error fields of a reply or message: text alone, of a bearable length."""
        if self._name == "trusted" and isinstance(traceback, list | tuple):
            return str(ename), str(evalue), [str(line) for line in traceback]
        name = " ".join(bare(ename[: MAX_ENAME * 4]).split()) if isinstance(ename, str) else ""
        value = bare(_cut(evalue, MAX_EVALUE)) if isinstance(evalue, str) else ""
        lines, left = [], MAX_TRACEBACK
        for line in traceback[:MAX_TRACEBACK_LINES] if isinstance(traceback, list | tuple) else ():
            if isinstance(line, str) and left > 0:
                lines.append(plain(_cut(line, left)))
                left -= len(line)
        return _cut(name, MAX_ENAME) or "Error", value, lines

    def user_expressions(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """The answers to user_expressions: their data judged like a display's."""
        if not isinstance(value, Mapping):
            return {}
        if self._name == "trusted":
            return dict(value)
        return {
            bare(key[:1000]): self._expression(value[key])
            for key in islice(value, MAX_EXPRESSIONS)
            if isinstance(key, str)
        }

    @staticmethod
    def inspection(data: Any) -> dict[str, str]:
        """The text/plain of an inspect_reply's data: front ends render whatever else there is."""
        text = text_bundle(data).get("text/plain")
        return {} if text is None else {"text/plain": _cut(text, MAX_INSPECTION)}

    def _judged(self, msg_type: str, content: Mapping[str, Any]) -> list[Message]:
        if not self._budget.take("messages"):
            return self._complaint("messages")
        if msg_type == "stream":
            return self._stream(content)
        if msg_type == "clear_output":
            wait = content.get("wait") is True
            self._budget.clear()
            self._framed.clear()
            return [("clear_output", {"wait": wait})]
        if msg_type == "error":
            return self._error_message(content)
        return self._display(msg_type, content)

    def _stream(self, content: Mapping[str, Any]) -> list[Message]:
        name, text = content.get("name"), content.get("text")
        if name not in ("stdout", "stderr") or not isinstance(text, str):
            return []
        left = max(0, self._budget.left("text"))
        messages: list[Message] = []
        if text := self._streams[name].clean(text[:left]):
            messages.append(("stream", {"name": name, "text": text}))
        if not self._budget.take("text", len(content["text"]) + _OVERHEAD):
            self._budget.take("text", left)
            messages += self._complaint("text")
        return messages

    def _error_message(self, content: Mapping[str, Any]) -> list[Message]:
        ename, evalue, traceback = self.error(
            content.get("ename"), content.get("evalue"), content.get("traceback")
        )
        if not self._budget.take("displays"):
            return self._complaint("displays")
        return [("error", {"ename": ename, "evalue": evalue, "traceback": traceback})]

    def _display(self, msg_type: str, content: Mapping[str, Any]) -> list[Message]:
        transient = self._transient(content.get("transient"))
        if msg_type == "update_display_data":
            if not transient:
                return []
        elif not self._budget.take("displays"):
            return self._complaint("displays")
        if _size(content.get("data")) > MAX_MESSAGE:
            shown: dict[str, Any] = {**notice(_TOO_LARGE), "transient": transient}
        else:
            data, metadata = self._named(transient, content.get("data"), content.get("metadata"))
            shown = {"data": data, "metadata": metadata, "transient": transient}
        if msg_type != "update_display_data" and not self._budget.take(
            "data", _size(shown["data"])
        ):
            return self._complaint("data")
        if msg_type == "execute_result":
            count = content.get("execution_count")
            known = isinstance(count, int) and 0 <= count < 2**31
            shown["execution_count"] = count if known else 0
        remarks = [("display_data", notice(text)) for text in self._budget.remarks()]
        return [(msg_type, shown), *remarks]

    def _named(
        self, transient: Mapping[str, Any], data: Any, metadata: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The judged bundle of a display that may have a name, and then replaces that one."""
        name = transient.get("display_id")
        if name in self._framed:
            self._framed.discard(name)
            self._budget.give_back("frames")
        shown, sizes = self._bundle(data, metadata)
        if name and "<iframe" in shown.get("text/html", ""):
            self._framed.add(name)
        return shown, sizes

    def _bundle(self, data: Any, metadata: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if self._name == "isolated":
            return isolated_bundle(data, metadata, self._budget, self._pictures)
        return text_bundle(
            data, why=f"[aca-kernel] Not shown: output_policy is text. print() it, or {ISOLATED}."
        ), {}

    def _expression(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Mapping) and value.get("status") == "ok":
            try:
                data, metadata = self._bundle(value.get("data"), value.get("metadata"))
            except Exception:
                data, metadata = {}, {}
            return {"status": "ok", "data": data, "metadata": metadata}
        fields = value if isinstance(value, Mapping) else {}
        ename, evalue, traceback = self.error(
            fields.get("ename"), fields.get("evalue"), fields.get("traceback")
        )
        return {"status": "error", "ename": ename, "evalue": evalue, "traceback": traceback}

    def _transient(self, transient: Any) -> dict[str, Any]:
        """The display_id in this session's own namespace: the same name, the same display."""
        given = transient.get("display_id") if isinstance(transient, Mapping) else None
        if not isinstance(given, str) or not given:
            return {}
        named = hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return {"display_id": f"session-{self._scope}-{named}"}

    def _complaint(self, kind: str) -> list[Message]:
        said = self._budget.complaint(kind)
        return [("display_data", notice(said))] if said else []


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + _CUT


def _size(data: Any) -> int:
    """About how many characters ``data`` has: its texts, and lists of them."""
    if not isinstance(data, Mapping):
        return 0
    size = 0
    for value in data.values():
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, list):
            size += sum(len(line) for line in value if isinstance(line, str))
    return size
