"""A client that nobody here wrote: LangChain's tool, unchanged, on the local pool."""

from __future__ import annotations

import base64
import io
import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from .conftest import Caller

with warnings.catch_warnings():
    # The package says that it has a successor; programs that use it are still about.
    warnings.simplefilter("ignore", DeprecationWarning)
    from langchain_azure_dynamic_sessions import SessionsPythonREPLTool


@pytest.fixture
def tool(local_pool: Any) -> SessionsPythonREPLTool:
    return SessionsPythonREPLTool(
        pool_management_endpoint=local_pool.endpoint,
        access_token_provider=lambda: local_pool.token,
    )


def test_six_times_seven(tool: SessionsPythonREPLTool) -> None:
    assert json.loads(tool.invoke("6 * 7")) == {"result": 42, "stdout": "", "stderr": ""}
    answer = tool.execute("6 * 7")
    assert (answer["status"], answer["result"]) == ("Success", 42)
    assert isinstance(answer["executionTimeInMilliseconds"], int)
    call = {"args": {"python_code": "6 * 7"}, "id": "1", "name": tool.name, "type": "tool_call"}
    assert json.loads(tool.invoke(call).content)["result"] == 42


def test_important_data(tool: SessionsPythonREPLTool) -> None:
    data = io.BytesIO(json.dumps({"important_data": [1, 10, -1541]}).encode())
    uploaded = tool.upload_file(data=data, remote_file_path="important_data.json")
    assert uploaded.filename == "important_data.json"
    assert uploaded.full_path == "/mnt/data/important_data.json"
    assert uploaded.size_in_bytes == len(data.getvalue())
    code = f"""
import json
with open("{uploaded.full_path}") as file:
    data = json.load(file)
sum(data["important_data"])
"""
    assert tool.execute(code)["result"] == -1530


def test_sine(tool: SessionsPythonREPLTool) -> None:
    code = """
import numpy as np
import matplotlib.pyplot as plt

x = np.linspace(-1, 1, 400)
plt.plot(x, np.sin(x))
plt.title("Plot of sin(x) from -1 to 1")
plt.xlabel("x")
plt.ylabel("sin(x)")
plt.grid(True)
plt.show()
"""
    result = tool.execute(code)["result"]
    assert (result["type"], result["format"]) == ("image", "png")
    assert base64.b64decode(result["base64_data"]).startswith(b"\x89PNG")
    assert json.loads(tool.invoke(code))["result"] == {"type": "image", "format": "png"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it forgets a file
def test_files(tool: SessionsPythonREPLTool, tmp_path: Path) -> None:
    local = tmp_path / "a b.csv"
    local.write_bytes(b"1,2\n")
    tool.upload_file(local_file_path=str(local))
    assert [(one.filename, one.size_in_bytes) for one in tool.list_files()] == [("a b.csv", 4)]
    assert tool.download_file(remote_file_path="a b.csv").read() == b"1,2\n"
    copy = tmp_path / "copy.csv"
    tool.download_file(remote_file_path="a b.csv", local_file_path=str(copy))
    assert copy.read_bytes() == b"1,2\n"


def test_error(tool: SessionsPythonREPLTool) -> None:
    answer = tool.execute("1/0")
    assert answer["status"] == "Failure"
    assert answer["stderr"].startswith("division by zero---")


def test_delete_session(tool: SessionsPythonREPLTool, local_pool: Any) -> None:
    tool.execute("x = 1")
    session = Caller(local_pool, identifier=tool.session_id)
    assert session.call("GET", "session").ok
    tool.delete_session()  # which happens in the background
    while session.call("GET", "session").status_code != 404:
        pass
    assert tool.session_id != session.identifier
    assert tool.execute("x")["status"] == "Failure"
