"""The notebooks on the local Python kernel: each shows what it says, and lets its session go."""

from __future__ import annotations

import base64
import io
import json
import re
import uuid
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from .conftest import Pool, sessions
from .running import PYTHON, cells, execute, marked, outputs_of, plain, text_of


def shown(notebook: Any, beginning: str) -> list[Any]:
    """The displays of the one cell whose source begins so, without our notices."""
    return [
        output.data
        for output in outputs_of(notebook, beginning)
        if output.output_type != "stream"
        and not output.data["text/plain"].startswith("[aca-kernel]")
    ]


def check_png(data: Any) -> None:
    with Image.open(io.BytesIO(base64.b64decode(data["image/png"]))) as image:
        image.load()
        assert image.format == "PNG"
        assert min(image.size) > 100


def test_s1_to_s5_the_guide_in_a_notebook_and_with_langchains_tool(
    notebooks: Path, pool: Pool
) -> None:
    done = execute(notebooks / "guide.ipynb", PYTHON)
    assert not [o for _, outputs in cells(done) for o in outputs if o.get("name") == "stderr"]

    assert shown(done, "%%session\n6 * 7") == [{"text/plain": "42"}]
    assert json.loads(text_of(outputs_of(done, "import warnings"))) == {
        "result": 42,
        "stdout": "",
        "stderr": "",
    }
    answer = text_of(outputs_of(done, "answer ="))
    assert re.fullmatch(r"Success 42\nmilliseconds: \d+\n", answer)

    assert text_of(outputs_of(done, "print(tool.execute(")) == "Success\n"
    assert shown(done, "%%session\nproduct") == [{"text/plain": "42"}]

    uploaded = text_of(outputs_of(done, "import io"))
    assert uploaded == "/mnt/data/important_data.json 34 bytes\n"
    assert shown(done, "%%session\nimport json") == [{"text/plain": "-1530"}]
    assert "/mnt/data/more_data.json" in str(outputs_of(done, "from pathlib import Path"))
    assert text_of(outputs_of(done, "code =")) == "-1530\n"
    listing = str(outputs_of(done, "%files"))
    assert "important_data.json" in listing
    assert "more_data.json" in listing

    [plot] = shown(done, "%%session\nimport matplotlib")
    check_png(plot)
    assert text_of(outputs_of(done, "%%session\nprint(len(line")) == "400 points\n"
    picture = text_of(outputs_of(done, "picture ="))
    assert re.fullmatch(r"image png\nbase64 characters: \d{4,}\n", picture)

    sine, cosine, table = shown(done, "%%session\nimport pandas")
    check_png(sine)
    check_png(cosine)
    assert sine["image/png"] != cosine["image/png"]
    assert '<table border="1" class="dataframe">' in table["text/html"]
    assert "0.841" in table["text/plain"]
    assert "linked" in str(outputs_of(done, "%session"))
    assert sessions(pool) == 0


def check_agent(done: Any) -> None:
    said = text_of(outputs_of(done, "from langchain.agents"))
    sine, number = (float(one) for one in re.findall(r'"result": (\S+),', said))
    assert 0 < sine < 1e-15
    assert 5 <= number <= 10
    assert f"[ai] sin(pi) is {sine}, which is positive. Your number is {number}." in said
    seen = text_of(outputs_of(done, '%%session\nprint("sine'))
    assert seen == f"sine:   {sine}\nnumber: {number}\n"
    dice = json.loads(text_of(outputs_of(done, 'print(python.invoke("dice(3)"))')))
    assert dice["result"] in range(3, 19)


def test_s6_the_agents_answer_has_its_tools_result_and_the_notebook_sees_its_variables(
    notebooks: Path, pool: Pool
) -> None:
    check_agent(execute(notebooks / "agent.ipynb", PYTHON))
    assert sessions(pool) == 0


def test_without_a_pool_the_agent_has_a_local_one_and_leaves_no_process(
    notebooks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = uuid.uuid4().hex
    monkeypatch.setenv("MARK_OF_THIS_TEST", mark)
    check_agent(execute(notebooks / "agent.ipynb", PYTHON))
    psutil.wait_procs(marked(mark), timeout=20)
    assert marked(mark) == []


def test_s7_the_analyst_computes_and_charts_what_the_notebook_then_sees(
    notebooks: Path, pool: Pool
) -> None:
    done = execute(notebooks / "data_analyst.ipynb", PYTHON)
    said = text_of(outputs_of(done, "analysis = "))
    assert said.startswith("36 rows; month: ")
    assert "{'West': 18471.25, 'North': 16634.5, 'South': 14257.75}" in said
    assert said.endswith(
        "The 3 regions together have a revenue of 49,363.50.\n"
        "West has the most, 18,471.25; South the least, 14,257.75.\n"
        "The best month was 2025-12, with 5,161.00.\n"
    )
    [figure] = shown(done, "%%session\nfigure")
    check_png(figure)
    [table] = shown(done, "%%session\ndf.pivot")
    assert '<table border="1" class="dataframe">' in table["text/html"]
    assert (notebooks / "output" / "revenue by region.csv").read_text().split() == [
        "region,revenue",
        "West,18471.25",
        "North,16634.5",
        "South,14257.75",
    ]
    assert (notebooks / "output" / "revenue.png").read_bytes().startswith(b"\x89PNG")
    assert sessions(pool) == 0


def test_k3_a_folder_that_nobody_trusts_is_run_and_its_failures_are_collected(
    notebooks: Path, pool: Pool
) -> None:
    done = execute(notebooks / "batch.ipynb", PYTHON)
    outcomes = plain(text_of(outputs_of(done, "import subprocess"))).splitlines()
    assert outcomes[0] == "broken     ZeroDivisionError: division by zero"
    assert outcomes[1] == "interest   ok"
    assert outcomes[2].startswith("nosy       FileNotFoundError: ")
    batch = notebooks / "output" / "batch"
    assert "407.22 after ten years" in (batch / "papermill/interest/done.ipynb").read_text()
    assert "ZeroDivisionError" in (batch / "nbconvert/broken/notebook.html").read_text()
    assert "162.89 after ten years" in (batch / "nbconvert/interest/notebook.html").read_text()
    assert "alert(" in (batch / "nosy.ipynb").read_text()
    page = (batch / "nbconvert/nosy/notebook.html").read_text()
    assert "<script>alert(" not in page
    assert "FileNotFoundError" in page
    assert sessions(pool) == 0
