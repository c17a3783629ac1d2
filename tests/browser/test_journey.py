"""A user's way through a notebook in JupyterLab: from the launcher to a restart."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from .screen import Screen, is_loaded

REMOTE, LOCAL = "Azure Sessions Python", "Azure Sessions Python (local)"


def test_launcher_has_a_tile_with_name_and_logo_for_each_kernel(screen: Screen) -> None:
    screen.open_launcher()
    for kernel in (REMOTE, LOCAL):
        for section in ("Notebook", "Console"):
            tile = screen.tile(kernel, section)
            expect(tile).to_have_count(1)
            assert is_loaded(tile.locator("img"))


def test_cells_show_numbers_streams_plots_and_tables(screen: Screen) -> None:
    screen.open_launcher()
    screen.launch(REMOTE)
    expect(screen.panel.locator(".jp-Toolbar-kernelName")).to_have_text(REMOTE)

    number = screen.run("6 * 7")
    expect(screen.prompt(number)).to_have_text("[1]:")
    expect(screen.outputs(number)).to_have_text("42")
    expect(screen.cell(number).locator(".jp-OutputPrompt")).to_have_text("[1]:")

    streams = screen.run("import sys\nprint('told')\nprint('warned', file=sys.stderr)")
    out = screen.cell(streams).locator('[data-mime-type="application/vnd.jupyter.stdout"]')
    err = screen.cell(streams).locator('[data-mime-type="application/vnd.jupyter.stderr"]')
    expect(out).to_have_text("told\n")
    expect(err).to_have_text("warned\n")
    background = "e => getComputedStyle(e).backgroundColor"
    assert out.evaluate(background) != err.evaluate(background)

    plots = screen.run(
        "import matplotlib.pyplot as plt\n"
        "for power in (1, 2):\n"
        "    plt.figure(figsize=(4, 1.5))\n"
        "    plt.plot([x ** power for x in range(9)])\n"
        "    plt.show()"
    )
    images = screen.cell(plots).locator(".jp-RenderedImage img")
    expect(images).to_have_count(2)
    assert is_loaded(images.first)
    assert is_loaded(images.last)

    table = screen.run(
        "import pandas as pd\npd.DataFrame({'city': ['Oslo', 'Lima'], 'people': [709, 10092]})"
    )
    cells = screen.cell(table).locator("table.dataframe tbody tr")
    expect(cells.locator("td")).to_have_text(["Oslo", "709", "Lima", "10092"])

    failed = screen.run("1 / 0")
    expect(screen.prompt(failed)).to_have_text("[5]:")
    expect(screen.outputs(failed)).to_contain_text("ZeroDivisionError: division by zero")
    expect(screen.outputs(failed).locator(".ansi-red-fg").first).to_be_visible()


def test_lines_come_while_the_cell_runs(screen: Screen) -> None:
    screen.open_launcher()
    screen.launch(REMOTE)
    ask = screen.begin("print('first', flush=True)\nname = input()\nprint('last')")
    expect(screen.outputs(ask).first).to_have_text("first\n")
    expect(screen.prompt(ask)).to_have_text("[*]:")
    screen.answer("")
    expect(screen.outputs(ask).last).to_contain_text("last")


def test_interrupt_stops_the_cell_and_keeps_the_variables(screen: Screen) -> None:
    screen.open_launcher()
    screen.launch(REMOTE)
    loop = screen.begin("import time\nkept = 41\nprint('runs')\ntime.sleep(600)")
    expect(screen.outputs(loop)).to_have_text(["runs\n"])
    screen.interrupt()
    screen.wait_until_done(loop)
    expect(screen.outputs(loop).last).to_contain_text("KeyboardInterrupt")
    after = screen.run("kept + 1")
    expect(screen.outputs(after)).to_have_text("42")


def test_restart_and_run_all_has_a_new_namespace_and_the_old_files(screen: Screen) -> None:
    screen.open_launcher()
    screen.launch(REMOTE)
    screen.run(
        "import os\n"
        "runs = globals().get('runs', 0) + 1\n"
        "with open('runs.txt', 'a') as file:\n"
        "    file.write('x')\n"
        "print(runs, os.path.getsize('runs.txt'))"
    )
    last = screen.run("print('only here:', 'unsaved' in globals())\nunsaved = 1")
    expect(screen.outputs(0)).to_have_text("1 1\n")
    screen.restart_and_run_all()
    expect(screen.outputs(0)).to_have_text("1 2\n")
    expect(screen.prompt(0)).to_have_text("[1]:")
    expect(screen.outputs(last)).to_have_text("only here: False\n")


def test_tab_completes_the_sessions_own_variables(screen: Screen) -> None:
    screen.open_launcher()
    screen.launch(REMOTE)
    number = screen.run("customers_old, customers_new = {'Oslo': 1}, 'text'") + 1
    screen.type_in_cell(number, "custom")
    offers = screen.page.locator(".jp-Completer-item")
    screen.complete(offers)
    expect(offers.filter(has_text="customers_new")).to_be_visible()
    expect(offers.filter(has_text="customers_old")).to_be_visible()
    offers.filter(has_text="customers_new").click()
    editor = screen.cell(number).locator(".cm-content")
    expect(editor).to_have_text("customers_new")
    screen.page.keyboard.insert_text(".isal")
    screen.complete(offers)
    expect(offers).to_have_text([re.compile("isalnum"), re.compile("isalpha")])


def test_shift_tab_shows_the_help_of_the_sessions_own_function(screen: Screen) -> None:
    screen.open_launcher()
    screen.launch(REMOTE)
    number = screen.run('def discount(price, *, rate=0.1):\n    "The price after a discount."') + 1
    screen.type_in_cell(number, "discount(")
    screen.page.keyboard.press("Shift+Tab")
    tooltip = screen.page.locator(".jp-Tooltip")
    expect(tooltip).to_contain_text("discount(price, *, rate=0.1)")
    expect(tooltip).to_contain_text("The price after a discount.")


@pytest.mark.parametrize("call", ["input", "getpass"])
def test_a_question_is_answered_in_the_cell(screen: Screen, call: str) -> None:
    screen.open_launcher()
    screen.launch(REMOTE)
    source = "from getpass import getpass\n" if call == "getpass" else ""
    ask = screen.begin(f"{source}answer = {call}('Which city? ')\nprint(len(answer), 'letters')")
    question = screen.cell(ask).locator(".jp-Stdin")
    expect(question.locator(".jp-Stdin-prompt")).to_have_text("Which city? ")
    field = question.locator("input")
    assert field.evaluate("field => field.type") == ("password" if call == "getpass" else "text")
    screen.answer("Reykjavik")
    screen.wait_until_done(ask)
    expect(screen.outputs(ask).last).to_contain_text("9 letters")
    assert ("Reykjavik" in screen.cell(ask).inner_text()) == (call == "input")
