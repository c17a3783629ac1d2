"""What the documents promise is there, and what is there is documented."""

from __future__ import annotations

import json
import re
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest

from aca_kernel.commands.base import Command
from aca_kernel.commands.doctor import DoctorApp
from aca_kernel.commands.install import InstallApp
from aca_kernel.commands.pool import PoolApp
from aca_kernel.commands.sessions import DeleteApp, ListApp, PruneApp
from aca_kernel.config.options import Settings
from aca_kernel.jupyter.kernel import AzureSessionsKernel
from aca_kernel.magics import CELL_MAGICS, LINE_MAGICS
from aca_kernel.pool import API_VERSIONS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
OPTIONS = sorted(
    {*Settings.class_own_traits(config=True), *AzureSessionsKernel.class_own_traits(config=True)}
)
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
KERNELSPECS = sorted((ROOT / "kernelspec").iterdir())


def rows(text: str) -> dict[str, list[str]]:
    """The rows of the README's tables, by the first code word of their first cell."""
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and (word := re.match(r"`([^` ]+)", cells[0])):
            found[word[1]] = cells
    return found


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_has_its_row_with_variables_and_default(name: str) -> None:
    _, variables, default, meaning = rows(README)[name]
    trait = AzureSessionsKernel.class_traits()[name]
    assert re.findall(r"`([^`]+)`", variables) == list(trait.metadata["env"])
    value = getattr(Settings(), name)
    if isinstance(value, bool):
        assert default == f"`{str(value).lower()}`"
    elif isinstance(value, float):
        assert default == f"`{value:g}`"
    elif isinstance(value, list):
        assert re.findall(r"`([^`]+)`", default) == value
    elif value:
        assert default == f"`{value}`"
    else:
        assert "`" not in default
    assert meaning


def test_no_environment_variable_is_read_or_documented_alone() -> None:
    tagged = {
        variable
        for trait in Settings.class_traits(env=lambda names: bool(names)).values()
        for variable in trait.metadata["env"]
        if variable.startswith("ACA_")
    }
    assert set(re.findall(r"\bACA_[A-Z_]+", README)) == tagged
    for page in (ROOT / "docs").glob("*.md"):
        assert set(re.findall(r"\bACA_[A-Z_]+", page.read_text(encoding="utf-8"))) <= tagged, page


@pytest.mark.parametrize("name", [*LINE_MAGICS, *CELL_MAGICS])
def test_every_magic_has_its_row_with_every_argument(name: str) -> None:
    magic = LINE_MAGICS.get(name) or CELL_MAGICS[name]
    cells = rows(README)[magic.name]
    row = " ".join(cells)
    for action in magic.parser()._actions:
        flags = [flag for flag in action.option_strings if flag not in ("-h", "--help")]
        if flags:
            assert any(flag in row for flag in flags), flags
        if isinstance(action.choices, dict):
            assert all(word in row for word in action.choices)


@pytest.mark.parametrize(
    "command", [Command, DoctorApp, InstallApp, ListApp, DeleteApp, PruneApp, PoolApp]
)
def test_every_flag_of_every_command_is_documented(command: Any) -> None:
    for names in (*command.aliases, *command.flags):
        for name in (names,) if isinstance(names, str) else names:
            flag = f"--{name}" if len(name) > 1 else f"-{name}"
            assert re.search(rf"(?<![\w-]){flag}(?![\w-])", README), flag


@pytest.mark.parametrize(
    ("flag", "name"),
    [
        (flag, target.partition(".")[2])
        for flag, target in PoolApp.aliases.items()
        if str(target).startswith("PoolApp.")
    ],
)
def test_the_local_pools_flags_have_the_defaults_that_are_documented(flag: str, name: str) -> None:
    default = rows(README)[f"--{flag}"][1]
    value = PoolApp.class_traits()[name].default_value
    shown = {"token": "random", "max-upload-size": "128 MiB", "python": "the pool's own"}
    assert default == shown.get(flag, f"`{value:g}`" if isinstance(value, float) else f"`{value}`")


def test_every_api_version_is_named() -> None:
    assert set(re.findall(r"20\d\d-\d\d-\d\d(?:-preview)?", README)) == set(API_VERSIONS)


def test_the_make_commands_of_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):.*##", MAKEFILE, re.MULTILINE))
    named = set(re.findall(r"^ +make ([a-z]+)", README + CONTRIBUTING, re.MULTILINE))
    assert {"demo", "test", "lint"} <= named <= targets


def test_every_dependency_has_its_reason() -> None:
    names = {re.split(r"[^\w-]", text)[0] for text in requires("aca-kernel") or ()}
    for name in names - {"aca-kernel"}:
        assert re.search(rf"(?<![\w-]){name}(?![\w-])", CONTRIBUTING), name


def test_the_files_that_the_documents_name_exist() -> None:
    for text in (README, CONTRIBUTING):
        for name in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
            assert (ROOT / name).exists(), name
        for name in re.findall(r"`((?:notebooks|tests|aca_kernel|\.ci)/[\w./]*)`", text):
            assert (ROOT / name).exists(), name
    for notebook in NOTEBOOKS:
        assert notebook.name in README


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_saved_without_outputs_and_for_a_kernel_that_everybody_has(
    path: Path,
) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    ours = path.stem in ("quickstart", "files")
    name = "azure-sessions-python-local" if ours else "python3"
    assert notebook["metadata"]["kernelspec"]["name"] == name
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@pytest.mark.parametrize("directory", KERNELSPECS, ids=lambda path: path.name)
def test_a_kernelspec_starts_this_kernel_and_has_its_logos(directory: Path) -> None:
    spec = json.loads((directory / "kernel.json").read_text(encoding="utf-8"))
    assert spec["argv"][:5] == ["python", "-m", "aca_kernel", "-f", "{connection_file}"]
    assert spec["interrupt_mode"] == "message"
    assert spec["env"] == {"PYTHONSAFEPATH": "1"}
    assert spec["display_name"] in README
    logos = {path.name for path in directory.glob("logo-*")}
    assert logos == {"logo-32x32.png", "logo-64x64.png", "logo-svg.svg"}


def test_every_precedent_names_tests_that_are_there() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    table = text[text.index("## Precedents") :]
    precedents = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert len(precedents) >= 15
    for line in precedents:
        folder = ROOT
        names = re.findall(r"`([\w/.]+)`", line.split("|")[2])
        assert names
        for name in names:
            path = ROOT / name if name.startswith("tests/") else folder / name
            assert path.exists(), name
            folder = path.parent
    assert "(SECURITY.md)" in README


def test_every_citation_leads_to_something_in_this_project() -> None:
    service = (ROOT / "docs/service.md").read_text(encoding="utf-8")
    sections = re.findall(r"^\(service-([\d-]+)\)=\n##+ ([\d.]+) ", service, re.MULTILINE)
    assert [anchor.replace("-", ".") for anchor, _ in sections] == [name for _, name in sections]
    security = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    promises = security[security.index("## What is promised") : security.index("## What is not")]
    there = {
        "docs/service.md": {name for _, name in sections},
        "SECURITY.md, promise": set(re.findall(r"^(\d+)\. ", promises, re.MULTILINE)),
    }
    citation = re.compile(rf"({'|'.join(there)}) ((?:\d+(?:\.\d+)*(?:, | and )?)+)")
    cited = set()
    for path in (ROOT / "aca_kernel").rglob("*.py"):
        for name in re.findall(r"[\w/]+\.md\b", path.read_text(encoding="utf-8")):
            assert (ROOT / name).exists(), f"{path} cites {name}"
    for path in (
        *(ROOT / "aca_kernel").rglob("*.py"),
        *(ROOT / "tests").rglob("*.py"),
        *(ROOT / "benchmarks").rglob("*.py"),
        *NOTEBOOKS,
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile")),
    ):
        for page, numbers in citation.findall(path.read_text(encoding="utf-8")):
            for number in re.findall(r"\d+(?:\.\d+)*", numbers):
                assert number in there[page], f"{path} cites {page} {number}"
                cited.add(page)
    assert cited == set(there)


def test_every_scenario_names_tests_that_are_there() -> None:
    table = README[README.index("### What works, and the test") :]
    table = table[: table.index("\n## ")]
    scenarios = [line.split(" | ") for line in table.splitlines() if re.match(r"\| [SK]\d", line)]
    expected = [*(f"S{n}" for n in range(1, 8)), *(f"K{n}" for n in range(1, 13))]
    assert [cells[0].strip("| ") for cells in scenarios] == expected
    file = Path()
    for cells in scenarios:
        for name in re.findall(r"`([\w/.]+)`", cells[2]):
            if name.startswith("tests/"):
                file = ROOT / name
                assert file.exists(), name
            else:
                assert f"def {name}(" in file.read_text(encoding="utf-8"), name


def test_every_section_of_the_readme_is_on_a_page_and_no_page_runs_into_the_next() -> None:
    # A page says where its part of the README ends; a section that is put in between would land
    # on a page of another subject.
    paged = set()
    for page in (ROOT / "docs").glob("*.md"):
        included = r'include} \.\./README\.md\n:start-after: "(.*)"\n:end-before: "(.*)"'
        for start, end in re.findall(included, page.read_text(encoding="utf-8")):
            first = README.index(start)
            heads = re.findall(r"^## .*", README[: first + len(start)], re.MULTILINE)
            paged.update(heads[-1:])
            assert "\n## " not in README[first + len(start) : README.index(end, first)], page
    assert paged == set(re.findall(r"^## .*", README, re.MULTILINE))
