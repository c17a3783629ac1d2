"""B8: many notebooks at once, through nbclient, on a pool whose sessions sleep in every cell."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from .kernels import OURS
from .measure import Figure, Goal, Row, median
from .pools import Pool, cpu_seconds, pool, settled

NUMBERS = (1, 4, 16, 64)
CELLS = 15
CODE = "import time; time.sleep(0.05)"
MEMORY = 0.25e9
"""Bytes that a kernel, its session and the guest in it take."""
FULL = 0.9
"""The share of all cores from which on the machine is taken for full."""


class _Many:
    """So many notebooks, each with a kernel of its own, ready to run."""

    def __init__(self, number: int, folder: Path) -> None:
        self.managers = [
            AsyncKernelManager(
                kernel_name=OURS, connection_file=str(folder / f"kernel-{index}.json")
            )
            for index in range(number)
        ]
        self.clients = [self._client(manager) for manager in self.managers]

    @staticmethod
    def _client(manager: AsyncKernelManager) -> NotebookClient:
        cells = [nbformat.v4.new_code_cell(CODE) for _ in range(CELLS)]
        client = NotebookClient(nbformat.v4.new_notebook(cells=cells), km=manager, timeout=300)
        client.reset_execution_trackers()
        return client

    @property
    def processes(self) -> list[psutil.Process]:
        """The kernels' own processes."""
        provisioners: list[Any] = [manager.provisioner for manager in self.managers]
        return [psutil.Process(one.process.pid) for one in provisioners]

    async def start(self) -> None:
        """Start all kernels and their sessions, some at a time."""
        gate = asyncio.Semaphore(psutil.cpu_count() or 1)

        async def one(client: NotebookClient) -> None:
            async with gate:
                await client.async_start_new_kernel()
                await client.async_start_new_kernel_client()
                await client.async_execute_cell(nbformat.v4.new_code_cell("6*7"), 0)

        for client in self.clients:
            client.nb.cells.insert(0, nbformat.v4.new_code_cell("6*7"))
        await asyncio.gather(*map(one, self.clients))

    async def run(self) -> list[float]:
        """Run all notebooks; the seconds of each cell."""

        async def one(client: NotebookClient) -> list[float]:
            took = []
            for index, cell in enumerate(client.nb.cells[1:], 1):
                began = time.perf_counter()
                await client.async_execute_cell(cell, index)
                took.append(time.perf_counter() - began)
            return took

        return [
            seconds for many in await asyncio.gather(*map(one, self.clients)) for seconds in many
        ]

    async def close(self) -> None:
        """End all kernels, which delete their sessions."""
        for client, manager in zip(self.clients, self.managers, strict=True):
            with contextlib.suppress(RuntimeError):
                if client.kc is not None:
                    client.kc.stop_channels()
                if manager.has_kernel:
                    await manager.shutdown_kernel()


def measure() -> Iterator[Row]:
    """A row for each number of notebooks."""
    alone = last = 0.0
    for number in NUMBERS:
        if number * MEMORY > psutil.virtual_memory().available:
            print(f"B8: {number} notebooks need more memory than is free, and are left out.")
            continue
        with tempfile.TemporaryDirectory() as folder, pool(ready=2, sessions=number) as near:
            row, last = asyncio.run(_row(near, number, Path(folder), alone, last))
            alone = alone or last
        yield row


async def _row(
    near: Pool, number: int, folder: Path, alone: float, last: float
) -> tuple[Row, float]:
    """The row for so many, and its cells a second; those ``alone``, and with fewer, are known."""
    os.environ.update(near.environment)
    many = _Many(number, folder)
    try:
        await many.start()
        await asyncio.to_thread(settled, near.process, patience=20)
        before, began = _shares(many, near), time.perf_counter()
        cells = await many.run()
        took = time.perf_counter() - began
        after = _shares(many, near)
        memory = median([float(one.memory_full_info().uss) for one in many.processes])
    finally:
        await many.close()
    rate = len(cells) / took
    used = {name: (after[name] - before[name]) / took for name in after}
    cores = psutil.cpu_count() or 1
    busy = sum(used.values()) / cores
    where = ", ".join(f"{name} {100 * share / cores:.0f} %" for name, share in used.items())
    goals: tuple[Goal, ...] = ()
    if busy >= FULL:
        goals = (Goal("the CPU is full", 100 * busy, 100 * FULL, "%", is_floor=True),)
    elif last:
        goals = (Goal("more than with fewer", rate / last, 1.0, is_floor=True),)
    return (
        Row(
            number="B8",
            case=f"{number} notebooks at once; CPU {100 * busy:.0f} % full: {where};"
            f" a cell takes {1000 * median(cells):.0f} ms; {memory / 1e6:.0f} MB a kernel",
            ours=Figure(rate, "cells/s"),
            beside={"itself at 1": Figure(alone or rate, "cells/s")},
            goals=goals,
        ),
        rate,
    )


def _shares(many: _Many, near: Pool) -> dict[str, float]:
    """CPU seconds so far: of the kernels, the pool's server, its sessions, and nbclient."""
    server = near.process.cpu_times()
    serving = server.user + server.system
    own = psutil.Process().cpu_times()
    return {
        "kernels": sum(map(cpu_seconds, many.processes)),
        "sessions": cpu_seconds(near.process) - serving,
        "the pool's server": serving,
        "nbclient": own.user + own.system,
    }
