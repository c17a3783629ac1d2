"""B3: from print in a session to the notebook, a line every 100 ms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .kernels import OURS, PLAIN, Kernel, kernel
from .measure import Figure, Goal, Row, median, ninety_fifth
from .pools import pool

LINES, ROUNDS = 50, 4
CODE = f"""
import time
for _ in range({LINES}):
    print(repr(time.time()))
    time.sleep(0.1)
"""


def measure() -> Iterator[Row]:
    """Rows for the median and the 95th percentile."""
    with pool(20) as far, kernel(OURS, far.environment) as ours, kernel(PLAIN) as plain:
        found: dict[str, list[float]] = {"ours": [], "ipykernel": []}
        for one in (ours, plain):
            one.start()
            one.run("pass")
        for _ in range(ROUNDS):
            found["ours"] += _delays(ours)
            found["ipykernel"] += _delays(plain)
    for what, of, bound in (
        ("median", median, 150),
        ("95th percentile", ninety_fifth, 300),
    ):
        took, beside = 1000 * of(found["ours"]), 1000 * of(found["ipykernel"])
        yield Row(
            number="B3",
            case=f"print to notebook, 20 ms round trip, {what}",
            ours=Figure(took, "ms"),
            beside={"ipykernel": Figure(beside, "ms")},
            goals=(Goal(f"at most {bound} ms more", took - beside, bound, "ms"),),
        )


def _delays(one: Kernel) -> list[float]:
    """Seconds between each line's print and its arrival; both clocks are this machine's."""
    ran = one.run(CODE)
    return [
        at - float(line)
        for at, message in zip(ran.at, ran.messages, strict=True)
        for line in _text(message).split()
    ]


def _text(message: dict[str, Any]) -> str:
    return str(message["content"]["text"]) if message["msg_type"] == "stream" else ""
