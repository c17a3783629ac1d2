"""What a notebook cannot bring about on the user's machine, whatever its cells and files say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import RunningPool
from tests.kernel.conftest import KernelStarter
from tests.kernel.driver import LINKED, everything, reach, sessions_of
from tests.notebooks.running import is_start_line
from tests.pool.fault_server import FaultServer, answer

TRIES = (
    "import os; os.environ['ACA_POOL_MANAGEMENT_ENDPOINT'] = '{url}'",
    "%env ACA_POOL_MANAGEMENT_ENDPOINT={url}",
    "%set_env ACA_ACCESS_TOKEN stolen",
    "!export ACA_POOL_MANAGEMENT_ENDPOINT={url}",
    "%env HTTPS_PROXY={url}",
    "%env HTTP_PROXY={url}",
    "%env ACA_OUTPUT_POLICY=trusted",
    "%env ACA_TRANSFER_ROOT=/",
    "%config AzureSessionsKernel.pool_endpoint = '{url}'",
    "%config AzureSessionsKernel.output_policy = 'trusted'",
    "c = get_config(); c.AzureSessionsKernel.pool_endpoint = '{url}'",
    "%load_ext aca_kernel",
    "%session --endpoint {url}",
    "%session attach {url}",
    "%session attach ../../../other",
    "%session attach a&identifier=b#c",
    "%session attach --endpoint={url} abcdef",
    "%session info --pool_endpoint={url}",
    "%upload data.csv --endpoint {url}",
    "%upload /etc/hostname",
    "%upload ../outside.txt",
    "%upload ~/.bashrc --force",
    "%download made.txt --to ..",
    "%download made.txt --to /tmp",
    "%download ../made.txt",
    "from IPython import get_ipython; get_ipython().run_line_magic('upload', '/etc/hostname')",
    "get_ipython().run_cell_magic('direct', '', '1')",
    "print('%upload /etc/hostname')",
)
METADATA = {
    "kernelspec": {
        "name": "azure-sessions-python",
        "display_name": "x",
        "env": {"ACA_OUTPUT_POLICY": "trusted"},
        "argv": ["false"],
    },
    "aca_kernel": {"pool_endpoint": "URL", "output_policy": "trusted"},
    "AzureSessionsKernel": {"pool_endpoint": "URL"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A notebook's folder, with configuration of all kinds beside the notebook."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (tmp_path / "outside.txt").write_text("outside")
    (folder / "data.csv").write_text("a\n1\n")
    return folder


def plant(folder: Path, url: str) -> None:
    lines = (
        f"c.AzureSessionsKernel.pool_endpoint = {url!r}\n"
        "c.AzureSessionsKernel.output_policy = 'trusted'\n"
        "c.AzureSessionsKernel.transfer_root = '/'\n"
        "open('canary', 'w').close()\n"
    )
    for name in ("aca_kernel_config.py", "jupyter_config.py", "ipython_config.py"):
        (folder / name).write_text(lines)
    said = {"AzureSessionsKernel": {"pool_endpoint": url, "output_policy": "trusted"}}
    for name in ("aca_kernel_config.json", ".jupyter_config.json"):
        (folder / name).write_text(json.dumps(said))
    (folder / ".env").write_text(f"ACA_POOL_MANAGEMENT_ENDPOINT={url}\n")
    (folder / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    (folder / "kernel.json").write_text(json.dumps({"env": {"ACA_OUTPUT_POLICY": "trusted"}}))


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("mode", ["linked", "direct"])
def test_no_cell_and_no_file_beside_it_changes_endpoint_credential_or_root(
    start_kernel: KernelStarter, local_pool: RunningPool, folder: Path, mode: str
) -> None:
    with FaultServer(answer(200)) as elsewhere:
        plant(folder, elsewhere.url)
        before = files(folder.parent)
        kernel = start_kernel(local_pool, cwd=folder, ACA_KERNEL_MODE=mode)
        kernel.run("open('made.txt', 'w').write('made')")
        for code in TRIES:
            ran = kernel.run(code.format(url=elsewhere.url))
            assert ran.reply.get("ename") != "InternalError", (code, kernel.log.read_text())
            assert local_pool.token not in everything(ran)
        shown = kernel.run("%session info").outputs
        assert elsewhere.url.removeprefix("http://") not in json.dumps(str(shown))
        ran = kernel.run(
            "from IPython.display import display\n"
            "display({'text/html': '<script>1</script>', 'text/plain': 'twin',"
            " 'application/vnd.vega.v5+json': {}}, raw=True)"
        )
        assert "vnd.vega" not in everything(ran)
        assert kernel.run("%files").status == "ok"
        assert not elsewhere.received
        assert elsewhere.connections == 0
        kernel.shutdown()
    mine = {name for name in files(folder.parent) if not name.startswith("kernel-")}
    assert mine == before
    assert (folder.parent / "outside.txt").read_text() == "outside"


def test_a_notebooks_metadata_changes_nothing(
    local_pool: RunningPool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer(answer(200)) as elsewhere:
        cell: dict[str, object] = {
            "cell_type": "code",
            "execution_count": None,
            "id": "a",
            "metadata": METADATA,
            "outputs": [],
            "source": "from IPython.display import display\n"
            "display({'application/vnd.vega.v5+json': {}, 'text/plain': 'x'}, raw=True)",
        }
        notebook = {"cells": [cell], "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
        file = folder / "notebook.ipynb"
        file.write_text(json.dumps(notebook).replace("URL", elsewhere.url))
        for name, value in reach(local_pool).items():
            monkeypatch.setenv(name, value)
        before = sessions_of(local_pool)
        subprocess.run(
            [
                *(sys.executable, "-m", "nbconvert", "--to", "notebook"),
                *("--execute", "--inplace", file.name),
            ],
            cwd=folder,
            env=dict(os.environ),
            check=True,
            capture_output=True,
            timeout=120,
        )
        assert elsewhere.connections == 0
    (ran,) = json.loads(file.read_text())["cells"]
    (shown,) = (one for one in ran["outputs"] if not is_start_line(one))
    assert list(shown["data"]) == ["text/html", "text/plain"]
    assert "<iframe" not in "".join(shown["data"]["text/html"])  # a notice alone
    assert sessions_of(local_pool) <= before  # of other tests' some may have ended


def test_attaching_asks_and_a_no_is_taken(
    start_kernel: KernelStarter, local_pool: RunningPool, folder: Path
) -> None:
    kernel = start_kernel(local_pool, cwd=folder, **LINKED)
    kernel.run("mine = 1")
    for said, where in (("", "still"), ("no", "still"), ("y", "Attached")):
        message = kernel.send("%session attach another-session-0123456789", allow_stdin=True)
        question = kernel.answer(message, said)
        assert question["prompt"].startswith("Attach to it?")
        ran = kernel.finish(message)
        assert where in ran.stdout
        assert "whoever has its identifier" in ran.stderr
        assert "another-session-0123456789" not in everything(ran)
    kernel.run("%session stop")
