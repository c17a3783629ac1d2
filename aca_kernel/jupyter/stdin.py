"""Questions to the user on Jupyter's stdin channel."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import zmq

if TYPE_CHECKING:
    from .ipykernel_internals import BaseKernel

__all__ = ["ask"]

POLL = 0.02
"""Seconds between two looks at the stdin socket."""


async def ask(kernel: BaseKernel, prompt: str, *, password: bool = False) -> str:
    """The line that the user types, asked of the front end whose cell is running.

    The socket is looked at from the event loop: a thread that waited for the reply would eat
    the next one after an interrupt. Cancelling the task ends the question.
    """
    socket, session = kernel.stdin_socket, kernel.session
    assert session is not None  # noqa: S101 - a kernel without one gets no requests
    while socket.poll(0):  # what is left of an interrupted question
        socket.recv_multipart(zmq.NOBLOCK)
    session.send(
        socket,
        "input_request",
        {"prompt": prompt, "password": password},
        kernel.get_parent("shell"),  # type: ignore[no-untyped-call]
        ident=kernel.asker,
    )
    while not socket.poll(0):  # noqa: ASYNC110 - a ZeroMQ socket has no event to wait for
        await asyncio.sleep(POLL)
    _, reply = session.recv(socket)
    value = reply["content"].get("value", "") if reply else ""
    return value if isinstance(value, str) else ""
