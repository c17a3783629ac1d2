"""How the policy shows each output of the corpus; run as a module it prints one line for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from aca_kernel.outputs.policy import OutputPolicy
from tests.corpus.real import REAL
from tests.corpus.shapes import SHAPES

__all__ = ["bundles", "how"]


def bundles() -> dict[str, Mapping[str, Any]]:
    """All outputs of the corpus."""
    made = {name: make() for name, make in REAL.items()}
    return made | {f"{name}*": {"text/html": text} for name, text in SHAPES.items()}


def how(bundle: Mapping[str, Any]) -> str:
    """``inline``, ``framed``, ``not shown`` or ``nothing``."""
    ((_, content), *_) = OutputPolicy("isolated").message(
        "display_data", {"data": bundle, "metadata": {}}, {}
    )
    data = content["data"]
    markup = data.get("text/html", "")
    if "<iframe" in markup:
        return "framed"
    if "not shown:" in markup + data.get("text/plain", ""):
        return "not shown"
    return "nothing" if set(data) <= {"text/html", "text/plain"} and not markup else "inline"


if __name__ == "__main__":
    found = {name: how(bundle) for name, bundle in bundles().items()}
    for name, shown in found.items():
        print(f"{name:26}{shown}")
    print(dict(Counter(found.values())))
