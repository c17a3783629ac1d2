"""B4: large outputs: many lines, many figures, one very large display."""

from __future__ import annotations

from collections.abc import Iterator

from .kernels import OURS, PLAIN, Kernel, kernel
from .measure import Figure, Goal, Row, in_turns, median
from .pools import pool

ROUNDS = 2
PREPARE = """
%matplotlib inline
import matplotlib.pyplot as plt
from IPython.display import display
plt.plot([1])
plt.show()

import base64, os
noise = base64.b64encode(os.urandom(15_000_000)).decode()
"""
CELLS = {
    "10 MB of printed lines": "for number in range(100_000): print(f'{number:099d}')",
    "200 figures, drawn and shown": """
for number in range(200):
    plt.plot([i * i % (number + 7) for i in range(500)])
    plt.show()
""",
    "one 20 MB display": "display({'text/plain': 'x' * 20_000_000}, raw=True)",
    "one 20 MB display that cannot be compressed": "display({'text/plain': noise}, raw=True)",
}


def measure() -> Iterator[Row]:
    """A row for each kind of output."""
    with pool() as near, kernel(OURS, near.environment) as ours, kernel(PLAIN) as plain:
        for one in (ours, plain):
            one.start()
            one.run(PREPARE)
        for case, code in CELLS.items():
            found = in_turns(
                {"ours": lambda: _run(ours, code), "ipykernel": lambda: _run(plain, code)},  # noqa: B023
                ROUNDS,
                warm_up=0,  # drawing takes long, and all is warm: nothing here is done once
            )
            took, beside = median(found["ours"]), median(found["ipykernel"])
            yield Row(
                number="B4",
                case=case,
                ours=Figure(1000 * took, "ms"),
                beside={"ipykernel": Figure(1000 * beside, "ms")},
                goals=(Goal("at most 2 x", took / beside, 2.0),),
            )


def _run(one: Kernel, code: str) -> float:
    return one.run(code).seconds
