"""The rooms of the package, and which may import which: the picture of the architecture page."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import aca_kernel

PACKAGE = Path(aca_kernel.__file__).parent

# From the top of the house to its ground. A room may import what stands below it, and its own.
FLOORS = (
    ("jupyter", "extension", "commands"),
    ("probing",),
    ("magics",),
    ("transfers", "sessions"),
    ("interpreters",),
    ("link", "outputs"),
    ("pool", "guest"),
    ("config", "messages", "worker"),
    ("errors",),
)
HEIGHT = {room: len(FLOORS) - number for number, floor in enumerate(FLOORS) for room in floor}

# The local pool stands beside the house: it needs these alone, and whoever needs a pool starts it.
LOCAL_POOL_NEEDS = ("aca_kernel.errors", "aca_kernel.config.redaction")
STARTS_A_POOL = ("commands", "extension", "sessions")

# The commands list the kernel's options as those of its class.
ALLOWED = {("aca_kernel.commands.base", "aca_kernel.jupyter.kernel")}

LONGEST = 400
# Longer ones, with the lines that they may have until they are divided.
STILL_LONG = {
    "guest/relay.py": 530,
    "interpreters/linked.py": 600,
    "pool/answers.py": 430,
    "pool/client.py": 430,
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(file: Path) -> Iterator[tuple[str, str]]:
    """The modules that a file imports from this package, and the names."""
    package = name_of(file).split(".")
    if file.name != "__init__.py":
        package.pop()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *filter(None, [node.module])])
            for name in node.names:
                yield from [(origin, name.name)] * origin.startswith("aca_kernel")
        elif isinstance(node, ast.Import):
            for name in node.names:
                yield from [(name.name, "")] * name.name.startswith("aca_kernel.")


def room_of(module: str, name: str = "") -> str:
    parts = [*module.split("."), name]
    return parts[1]


def wrong_arrows(file: Path) -> list[str]:
    module = name_of(file)
    here = room_of(module)
    found = []
    for origin, name in imports(file):
        there = room_of(origin, name)
        if here in ("", "__main__", there) or there.startswith("__"):
            continue
        if (module, origin) in ALLOWED:
            continue
        if here == "localpool":
            whole = f"{origin}.{name}"
            is_right = any(need in (origin, whole) for need in LOCAL_POOL_NEEDS)
        elif there == "localpool":
            is_right = here in STARTS_A_POOL
        else:
            is_right = HEIGHT[there] < HEIGHT[here]
        if not is_right:
            found.append(f"{module} -> {origin} ({name})")
    return found


def test_every_room_has_its_floor() -> None:
    rooms = {room_of(name_of(file)) for file in MODULES}
    assert rooms - {"", "__main__", "localpool"} == set(HEIGHT)


def test_imports_lead_down() -> None:
    assert [arrow for file in MODULES for arrow in wrong_arrows(file)] == []


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("pool", "from ..link import client"),
        ("magics", "from ..jupyter.kernel import AzureSessionsKernel"),
        ("localpool", "from ..pool import client"),
        ("pool", "import aca_kernel.magics.upload"),
        ("outputs", "from ..localpool.launch import ensure_pool"),
    ],
)
def test_an_import_that_leads_up_is_found(
    room: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path / "aca_kernel")
    file = tmp_path / "aca_kernel" / room / "new.py"
    file.parent.mkdir(parents=True)
    file.write_text(line)
    assert len(wrong_arrows(file)) == 1


def test_no_private_name_leaves_its_room() -> None:
    assert [
        f"{name_of(file)}: {origin}.{name}"
        for file in MODULES
        for origin, name in imports(file)
        if name.startswith("_")
        and not name.startswith("__")
        and room_of(origin) != room_of(name_of(file))
    ] == []


def test_no_module_is_too_long() -> None:
    lengths = {
        file.relative_to(PACKAGE).as_posix(): len(file.read_text(encoding="utf-8").splitlines())
        for file in MODULES
    }
    too_long = {
        name: lines for name, lines in lengths.items() if lines > STILL_LONG.get(name, LONGEST)
    }
    assert too_long == {}
    assert {name for name in STILL_LONG if lengths[name] <= LONGEST} == set()
