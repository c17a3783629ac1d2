"""Which outputs are meant for an Output widget, as ipywidgets tells its front end.

Sent into the session: Python 3.8 and the standard library only.
"""

from __future__ import annotations

import json
from typing import Any

MOST = 1000  # widgets that are known


class Captures:
    """The Output widgets of a guest kernel, and whose outputs they take now.

    A front end shows the outputs of a request in such a widget from the time on that the
    widget's ``msg_id`` names the request, until it is "".
    """

    def __init__(self) -> None:
        self._widgets: set[str] = set()
        self._taking: list[tuple[str, str]] = []  # (request, widget), the last one is inside

    def see(self, kind: str, content: Any) -> None:
        """Take in a comm message: ``content`` is its JSON, which may be anything."""
        try:
            found = json.loads(str(content, "utf-8", "replace"))
            widget, data = found["comm_id"], found.get("data") or {}
            state = data.get("state") or {}
            is_output = kind == "comm_open" and state.get("_model_name") == "OutputModel"
            if is_output and len(self._widgets) < MOST:
                self._widgets.add(str(widget))
            if widget not in self._widgets:
                return
            if kind == "comm_close":
                self._widgets.discard(widget)
            if kind == "comm_close" or "msg_id" in state:
                self._taking = [pair for pair in self._taking if pair[1] != widget]
                if state.get("msg_id"):
                    self._taking.append((str(state["msg_id"]), widget))
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            return

    def widget_of(self, request: Any) -> str:
        """The widget that takes a request's outputs now; "" for none."""
        for taken, widget in reversed(self._taking):
            if taken == request:
                return widget
        return ""
