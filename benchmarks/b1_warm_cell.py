"""B1: a warm cell, from request to idle, near and far."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from .kernels import OURS, PLAIN, Kernel, kernel
from .measure import Figure, Goal, Row, in_turns, median, timed
from .pools import langchain_tool, pool, settled

CODE = "6*7"
ROUNDS = {0: 60, 20: 50, 100: 20}


def measure() -> Iterator[Row]:
    """One row for each mode and round trip."""
    for round_trip, rounds in ROUNDS.items():
        found = _in_turns(round_trip, rounds)
        middle = {name: 1000 * median(values) for name, values in found.items()}
        for mode in ("linked", "direct"):
            yield _row(mode, round_trip, middle)


def _in_turns(round_trip: int, rounds: int) -> dict[str, list[float]]:
    with ExitStack() as stack:
        near = stack.enter_context(pool(round_trip, ready=4, sessions=4))
        tool, poster = langchain_tool(near), near.poster()

        def start(name: str, **variables: str) -> Kernel:
            made = stack.enter_context(kernel(name, near.environment | variables))
            made.start()
            made.run(CODE)
            return made

        plain = start(PLAIN)
        linked = start(OURS, ACA_KERNEL_MODE="linked")
        direct = start(OURS, ACA_KERNEL_MODE="direct")
        settled(near.process)
        return in_turns(
            {
                "linked": lambda: linked.run(CODE).seconds,
                "direct": lambda: direct.run(CODE).seconds,
                "LangChain's tool": lambda: timed(lambda: tool.execute(CODE)),
                "bare POST": lambda: timed(lambda: poster.execute(CODE)),
                "ipykernel": lambda: plain.run(CODE).seconds,
            },
            rounds,
            warm_up=5,
        )


def _row(mode: str, round_trip: int, middle: dict[str, float]) -> Row:
    ours, post, tool = middle[mode], middle["bare POST"], middle["LangChain's tool"]
    goals: tuple[Goal, ...]
    if round_trip:
        goals = (
            Goal("at most 1.15 x bare POST", ours / post, 1.15),
            Goal("not slower than the tool", ours / tool, 1.0),
        )
    else:
        goals = (Goal("at most 25 ms over bare POST", ours - post, 25, "ms"),)
    return Row(
        number="B1",
        case=f"warm cell `{CODE}`, {mode}, {round_trip} ms round trip",
        ours=Figure(ours, "ms"),
        beside={
            name: Figure(middle[name], "ms")
            for name in ("bare POST", "LangChain's tool", "ipykernel")
        },
        goals=goals,
    )
