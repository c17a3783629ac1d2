"""Keeps what is shown, where a test has no front end."""

from __future__ import annotations

from collections.abc import Callable

from aca_kernel.messages import Output

__all__ = ["Kept"]


class Kept:
    """Takes outputs as a cell does; ``own`` are those of the kernel itself."""

    def __init__(self, seen: Callable[[Output], object] = lambda output: None) -> None:
        self.outputs: list[Output] = []
        self.own: list[Output] = []
        self._seen = seen

    def show_own(self, output: Output) -> None:
        self.own.append(output)
        self.show_session(output)

    def show_session(self, output: Output) -> None:
        self.outputs.append(output)
        self._seen(output)
