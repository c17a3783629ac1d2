"""Files with letters of other languages, where the locale has none and UTF-8 mode is off."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .driver import LOCAL, Kernel

C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LISTED = "import os; sorted(os.listdir('/mnt/data'))"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Give a kernel with a pool of its own, both without a locale, in a folder with an umlaut."""
    cwd = tmp_path_factory.mktemp("c-locale") / "Büro"
    cwd.mkdir()
    kernel = Kernel(C_LOCALE, cwd.parent, name=LOCAL, cwd=cwd).start()
    yield kernel
    kernel.close()


@pytest.fixture(autouse=True)
def _no_files(kernel: Kernel) -> None:
    """Leave nothing of the test before."""
    kernel.run("import os\nfor name in os.listdir('/mnt/data'): os.remove(f'/mnt/data/{name}')")


def folder(kernel: Kernel, name: str, **files: str) -> Path:
    """Make a folder beside the notebook with files in it."""
    made = kernel.cwd / name
    made.mkdir()
    for each, text in files.items():
        (made / each.replace("_", ".")).write_text(text, "utf-8")
    return made


def test_the_locale_has_no_letters() -> None:
    """Else nothing here would be tested."""
    ask = "import sys; print(sys.getfilesystemencoding())"
    told = subprocess.run([sys.executable, "-c", ask], env=C_LOCALE, capture_output=True, text=True)
    assert told.stdout == "ascii\n"


def test_files_go_there_and_back(kernel: Kernel) -> None:
    (kernel.cwd / "größe.csv").write_text("1")
    (kernel.cwd / "日本.txt").write_text("2")
    sent = kernel.run("%upload größe.csv 日本.txt")
    assert sent.status == "ok", sent.evalue
    assert kernel.run(LISTED).result == "['größe.csv', '日本.txt']"
    fetched = kernel.run("%download größe.csv 日本.txt --to zurück")
    assert fetched.status == "ok", fetched.evalue
    assert (kernel.cwd / "zurück" / "größe.csv").read_text() == "1"
    assert (kernel.cwd / "zurück" / "日本.txt").read_text() == "2"
    again = kernel.run("%download größe.csv --to zurück")
    assert "größe.csv exists here already" in again.evalue
    assert "größe.csv" in kernel.run("%files").stdout + kernel.run("%files").displayed


def test_globs_and_folders_keep_their_names(kernel: Kernel) -> None:
    folder(kernel, "schöne", ä_csv="1", ö_csv="2")
    sent = kernel.run("%upload schöne/*.csv")
    assert sent.status == "ok", sent.evalue
    assert kernel.run(LISTED).result == "['ä.csv', 'ö.csv']"
    sent = kernel.run("%upload -r schöne --to für")
    assert sent.status == "ok", sent.evalue
    inside = kernel.run("sorted(os.listdir('/mnt/data/für/schöne'))")
    assert inside.result == "['ä.csv', 'ö.csv']"
    kernel.run("import shutil; shutil.rmtree('/mnt/data/für')")


def test_a_name_is_shown_as_it_is(kernel: Kernel) -> None:
    (kernel.cwd / "übersicht.csv").write_text("1")
    sent = kernel.run("%upload übersicht.csv")
    assert "übersicht.csv → /mnt/data/übersicht.csv" in sent.displayed + sent.stdout
    assert "There is no file fehlt-größe.csv" in kernel.run("%upload fehlt-größe.csv").evalue
    assert "schöne-nicht" in kernel.run("%upload schöne-nicht*").evalue
    (kernel.cwd.parent / "größer.csv").write_text("1")
    outside = kernel.run("%upload ../größer.csv")
    assert "größer.csv is outside the transfer root" in outside.evalue
    assert "Büro" in outside.evalue


def test_names_are_completed(kernel: Kernel) -> None:
    (kernel.cwd / "länge.csv").write_text("1")
    code = "%upload lä"
    reply = kernel.ask("complete_request", {"code": code, "cursor_pos": len(code)})
    assert reply["matches"] == ["länge.csv"]


def test_the_session_deletes_and_describes_such_files(kernel: Kernel) -> None:
    kernel.run("open('/mnt/data/größe.csv', 'w').close()")
    gone = kernel.run("%files --delete größe.csv")
    assert gone.status == "ok", gone.evalue
    assert kernel.run(LISTED).result == "[]"
