"""A TCP proxy that adds round trip time: bytes wait on their way, whatever they are.

``python -m benchmarks.delay HOST PORT TO_HOST MILLISECONDS`` listens on HOST:PORT, forwards to
TO_HOST:PORT, and holds bytes for half the milliseconds in each direction. The first ones of a
connection wait for a whole round trip more, as TCP's own handshake would make them. It prints a
line once it listens, and for every line on its stdin a line of JSON with what passed so far.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass

__all__ = ["Passed"]

BLOCK = 256 * 1024
AHEAD = 64
"""Blocks on their way in one direction: the bandwidth stays that of the machine."""


@dataclass
class Passed:
    """What went through: a round trip is counted when bytes go up after bytes came down."""

    connections: int = 0
    round_trips: int = 0
    up: int = 0
    down: int = 0


class _Wire:
    """One connection, whose bytes arrive ``seconds`` later in each direction."""

    def __init__(self, passed: Passed, seconds: float) -> None:
        self._passed = passed
        self._seconds = seconds
        self._goes_up = False

    def count(self, amount: int, *, up: bool) -> None:
        if up:
            self._passed.up += amount
            self._passed.round_trips += not self._goes_up
        else:
            self._passed.down += amount
        self._goes_up = up

    async def carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool
    ) -> None:
        """Forward one direction to its end."""
        blocks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(AHEAD)
        loop = asyncio.get_running_loop()

        async def arrive() -> None:
            extra = 2 * self._seconds if up else 0.0  # connecting took a round trip
            while True:
                due, block = await blocks.get()
                wait = due + extra - loop.time()
                extra = 0.0
                if wait > 0:
                    await asyncio.sleep(wait)
                if not block:
                    break
                writer.write(block)
                await writer.drain()
            with suppress(OSError):
                writer.write_eof() if writer.can_write_eof() else writer.close()

        arriving = asyncio.ensure_future(arrive())
        try:
            while True:
                block = await reader.read(BLOCK)
                self.count(len(block), up=up)
                await blocks.put((loop.time() + self._seconds, block))
                if not block:
                    break
            await arriving
        except OSError:
            arriving.cancel()


async def _serve(host: str, port: int, to_host: str, seconds: float) -> None:
    passed = Passed()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed.connections += 1
        wire = _Wire(passed, seconds)
        try:
            upstream, downstream = await asyncio.open_connection(to_host, port, limit=4 * BLOCK)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(
                wire.carry(reader, downstream, up=True), wire.carry(upstream, writer, up=False)
            )
        finally:
            writer.close()
            downstream.close()

    server = await asyncio.start_server(connected, host, port, limit=4 * BLOCK)
    print("listening", flush=True)
    async with server:
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(asdict(passed)), flush=True)


if __name__ == "__main__":
    address, number, target, milliseconds = sys.argv[1:]
    asyncio.run(_serve(address, int(number), target, float(milliseconds) / 2000))
