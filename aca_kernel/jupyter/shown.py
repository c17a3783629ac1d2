"""What one cell shows, so that clearing an Output widget takes away what was meant for that alone.

No widget crosses from a session, so its outputs stand in the cell, among the others. Jupyter
clears a cell as a whole: what has to stay is sent again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..messages import Output

__all__ = ["Shown"]

MOST = 500_000
"""Characters that are sent again; a cell that shows more keeps what was meant for its widgets."""


class Shown:
    """The outputs of one cell in order, as far as they may have to be sent again."""

    def __init__(self) -> None:
        self._outputs: list[Output] = []
        self._size = 0
        self._is_whole = True
        self._cell_waits = False  # the cell is cleared when its next output comes
        self._widget_waits = ""  # the widget that is

    def take(self, output: Output) -> list[Output]:
        """Give what to send for an output: itself, and what it needs before it."""
        if output.msg_type == "clear_output":
            return self._clear(output)
        if self._cell_waits:
            self._forget()
        before: list[Output] = []
        if output.widget and output.widget == self._widget_waits:
            self._widget_waits = ""
            before = self._without(output.widget, wait=True)
        self._keep(output)
        return [*before, output]

    def _clear(self, output: Output) -> list[Output]:
        wait = bool(output.content.get("wait"))
        if not output.widget:
            self._cell_waits = wait
            if not wait:
                self._forget()
            return [output]
        if wait:
            self._widget_waits = output.widget
            return []
        return self._without(output.widget, wait=False)

    def _without(self, widget: str, *, wait: bool) -> list[Output]:
        """Give what clears the cell of a widget's outputs; nothing where it has none."""
        left = [output for output in self._outputs if output.widget != widget]
        if not self._is_whole or len(left) == len(self._outputs):
            return []
        self._outputs = left
        clear = Output(msg_type="clear_output", content={"wait": wait or bool(left)})
        return [clear, *left]

    def _keep(self, output: Output) -> None:
        if not self._is_whole:
            return
        if output.msg_type == "update_display_data":
            self._update(output)
            return
        self._size += _length(output.content)
        if self._size > MOST or output.buffers:
            self._outputs, self._is_whole = [], False
        else:
            self._outputs.append(output)

    def _update(self, update: Output) -> None:
        name = (update.content.get("transient") or {}).get("display_id")
        for index, output in enumerate(self._outputs):
            if name and (output.content.get("transient") or {}).get("display_id") == name:
                self._size += _length(update.content) - _length(output.content)
                self._outputs[index] = replace(output, content=update.content)

    def _forget(self) -> None:
        self._outputs, self._size, self._is_whole = [], 0, True
        self._cell_waits = False


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_length, value.values())) + 10 * len(value)
    return sum(map(_length, value)) + 10 if isinstance(value, list) else 10
