"""A kernel that is not, or wrongly, configured: it starts, explains itself and runs nothing."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest

from tests.conftest import PoolStarter

from .conftest import KernelStarter
from .driver import Kernel, Pool, everything, sessions_of, wait_for


def test_kernel_without_an_endpoint_explains_itself_and_runs_nothing_here(
    start_kernel: KernelStarter, tmp_path: Path
) -> None:
    kernel = start_kernel(cwd=tmp_path)
    info = kernel.ask("kernel_info_request", {})
    assert info["status"] == "ok"
    assert info["language_info"]["name"] == "python"
    assert info["supported_features"] == []
    before = sorted(tmp_path.iterdir())
    for code in ("open('canary', 'w')", "%%bash\ntouch canary", "!touch canary", "%files"):
        ran = kernel.run(code)
        assert ran.ename == "ConfigurationError"
        assert "ACA_POOL_MANAGEMENT_ENDPOINT" in ran.traceback
        assert "neither in a session nor on this machine" in ran.traceback
    assert sorted(tmp_path.iterdir()) == before
    assert kernel.ask("is_complete_request", {"code": "if x:"})["status"] == "incomplete"
    assert kernel.ask("complete_request", {"code": "o", "cursor_pos": 1})["matches"] == []


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"ACA_POOL_MANAGEMENT_ENDPOINT": "http://pool.dynamicsessions.io"}, "not https"),
        ({"ACA_POOL_MANAGEMENT_ENDPOINT": "pool.dynamicsessions.io"}, "not an https:// URL"),
        ({"ACA_POOL_MANAGEMENT_ENDPOINT": "https://[::1"}, "not a URL"),
        ({"ACA_POOL_MANAGEMENT_ENDPOINT": "https://evil.example.com/pool"}, "evil.example.com"),
        ({"ACA_POOL_MANAGEMENT_ENDPOINT": "https://10.0.0.1/pool"}, "10.0.0.1"),
        ({"ACA_KEEP_ALIVE": "soon"}, "ACA_KEEP_ALIVE"),
        ({"ACA_KEEP_ALIVE": "-1"}, "keep_alive"),
        ({"ACA_PREWARM": "maybe"}, "ACA_PREWARM"),
        ({"ACA_KERNEL_MODE": "fast"}, "mode"),
        ({"ACA_OUTPUT_POLICY": "none"}, "output_policy"),
        ({"ACA_EXECUTION_TIMEOUT": "nan"}, "execution_timeout"),
        ({"ACA_SESSION_ID": "abc"}, "3 characters"),
        ({"ACA_SESSION_ID": "a" * 129}, "129 characters"),
        ({"ACA_SESSION_ID": "with a space in it"}, "not allowed"),
        ({"ACA_CA_BUNDLE": "no-such-file.pem"}, "no-such-file.pem"),
    ],
)
def test_wrong_option_is_told_by_the_cell(
    start_kernel: KernelStarter, local_pool: Pool, variables: dict[str, str], words: str
) -> None:
    before = sessions_of(local_pool)
    kernel = start_kernel(local_pool, **variables)
    guide = ["display_data"] if "ACA_POOL_MANAGEMENT_ENDPOINT" in variables else []
    for _ in range(2):
        ran = kernel.run("1")
        assert ran.kinds == [*guide, "error"]
        assert ran.ename == "ConfigurationError"
        assert words in ran.traceback
        assert "Traceback" not in ran.traceback
    assert sessions_of(local_pool) == before


def test_pool_that_is_not_there_is_told_by_the_cell(start_kernel: KernelStarter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    kernel = start_kernel(
        ACA_POOL_MANAGEMENT_ENDPOINT=f"http://127.0.0.1:{port}", ACA_ACCESS_TOKEN="x" * 20
    )
    ran = kernel.run("1")
    assert ran.ename == "NotSent"
    assert "the connection was refused" in ran.traceback
    assert "Nothing was sent" in ran.traceback


def test_wrong_token_is_told_by_the_cell(start_kernel: KernelStarter, local_pool: Pool) -> None:
    kernel = start_kernel(local_pool, ACA_ACCESS_TOKEN="a-wrong-token-of-the-test")
    ran = kernel.run("1")
    assert ran.ename == "AuthenticationError"
    assert "HTTP 401" in ran.traceback
    assert "a-wrong-token-of-the-test" not in everything(ran)


def test_full_pool_is_told_by_the_cell(
    start_kernel: KernelStarter, start_pool: PoolStarter
) -> None:
    pool = start_pool("--max-sessions", "1", "--ready-sessions", "0")
    one, two = start_kernel(pool), start_kernel(pool, ACA_POOL_WAIT="0")
    assert one.run("1").status == "ok"
    ran = two.run("1")
    assert ran.ename == "PoolFull"
    assert "HTTP 429" in ran.traceback
    one.shutdown()
    assert two.run("6 * 7").result == "42"


def test_nothing_reaches_the_pool_before_the_first_cell(start_kernel: KernelStarter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        kernel = start_kernel(
            ACA_POOL_MANAGEMENT_ENDPOINT=f"http://127.0.0.1:{listening.getsockname()[1]}",
            ACA_ACCESS_TOKEN="x" * 20,
        )
        kernel.ask("kernel_info_request", {})
        kernel.ask("comm_info_request", {})
        kernel.ask("is_complete_request", {"code": "1"})
        kernel.ask("complete_request", {"code": "import o", "cursor_pos": 8})
        kernel.ask("inspect_request", {"code": "len", "cursor_pos": 3})
        kernel.ask("history_request", {"hist_access_type": "tail", "output": False, "raw": True})
        kernel.run("%upload -h")
        kernel.run("%session info")
        kernel.run("%session keep-alive 60")
        kernel.run(" \n")
        kernel.shutdown()
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_prewarm_has_the_session_ready_before_the_first_cell(
    start_kernel: KernelStarter, local_pool: Pool
) -> None:
    kernel = start_kernel(local_pool, ACA_PREWARM="1")
    wait_for(lambda: kernel.identifier in sessions_of(local_pool), "the session")
    ran = kernel.run("6 * 7")
    assert ran.kinds == ["execute_result"]
    kernel.shutdown()
    assert kernel.identifier not in sessions_of(local_pool)


def test_first_cell_may_overtake_prewarming(
    start_kernel: KernelStarter, start_pool: PoolStarter
) -> None:
    pool = start_pool("--ready-sessions", "0")  # so that warming up takes a while
    kernel = start_kernel(pool, ACA_PREWARM="1")
    ran = kernel.run("kept = 1\n6 * 7")
    assert ran.kinds == ["execute_result"], "and nothing of a reattachment"
    assert kernel.run("kept").kinds == ["execute_result"]


def test_option_in_a_configuration_file_wins_over_the_environment(
    start_kernel: KernelStarter, local_pool: Pool, tmp_path: Path
) -> None:
    folder = tmp_path / "configuration"
    folder.mkdir()
    session = "session-of-the-configuration-file"
    (folder / "aca_kernel_config.json").write_text(
        json.dumps({"AzureSessionsKernel": {"session_id": session}})
    )
    kernel = start_kernel(
        local_pool, ACA_SESSION_ID="session-of-the-environment", JUPYTER_CONFIG_DIR=str(folder)
    )
    kernel.run("1")
    assert session in sessions_of(local_pool)
    assert "session-of-the-environment" not in sessions_of(local_pool)


def test_configuration_file_is_run_once(
    start_kernel: KernelStarter, local_pool: Pool, tmp_path: Path
) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    code = "with open({!r}, 'a') as runs: runs.write('run ')\nc.AzureSessionsKernel.mode = 'direct'"
    (folder / "aca_kernel_config.py").write_text(code.format(str(tmp_path / "runs")))
    kernel = start_kernel(local_pool, JUPYTER_CONFIG_DIR=str(folder))
    assert kernel.run("1").result == "1"
    assert (tmp_path / "runs").read_text() == "run "
    assert "direct" in kernel.run("%session").displayed


def test_prewarm_makes_no_call_when_a_configuration_file_cannot_be_read(
    start_kernel: KernelStarter, local_pool: Pool, tmp_path: Path
) -> None:
    folder = tmp_path / "configuration"
    folder.mkdir()
    (folder / "aca_kernel_config.py").write_text("c.AzureSessionsKernel.pool_endpoint = 'other\n")
    given = "of-the-environment-alone"
    kernel = start_kernel(
        local_pool,
        ACA_PREWARM="1",
        ACA_KERNEL_MODE="linked",
        ACA_SESSION_ID=given,
        JUPYTER_CONFIG_DIR=str(folder),
    )
    assert kernel.run("1").ename == "ConfigurationError"
    assert given not in sessions_of(local_pool)


def test_configuration_beside_the_notebook_is_not_read(
    start_kernel: KernelStarter, local_pool: Pool, tmp_path: Path
) -> None:
    (tmp_path / "aca_kernel_config.py").write_text(
        "open('canary', 'w').close()\nc.AzureSessionsKernel.session_id = 'chosen-by-the-notebook'\n"
    )
    kernel = start_kernel(local_pool, cwd=tmp_path)
    kernel.run("1")
    assert not (tmp_path / "canary").exists()
    assert "chosen-by-the-notebook" not in sessions_of(local_pool)


PLANTED = [
    "aca_kernel",
    "aca_kernel_config",
    "asyncio",
    "azure",
    "certifi",
    "charset_normalizer",
    "comm",
    "debugpy",
    "decorator",
    "humanize",
    "IPython",
    "ipykernel",
    "ipython_config",
    "jupyter_client",
    "jupyter_core",
    "matplotlib",
    "numpy",
    "pandas",
    "PIL",
    "psutil",
    "pygments",
    "requests",
    "requests_toolbelt",
    "sitecustomize",
    "socket",
    "tabulate",
    "tornado",
    "tqdm",
    "traitlets",
    "urllib3",
    "usercustomize",
    "zmq",
]


@pytest.mark.parametrize(
    "safe", [pytest.param(True, id="as the kernelspec starts it"), pytest.param(False, id="bare")]
)
def test_modules_beside_the_notebook_are_never_imported(
    start_kernel: KernelStarter, local_pool: Pool, tmp_path: Path, safe: bool
) -> None:
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    (notebooks / "data.csv").write_text("a\n1\n")
    # Without PYTHONSAFEPATH, as on Python 3.10, `-m` itself finds the package in the folder.
    names = PLANTED if safe and sys.version_info >= (3, 11) else PLANTED[1:]
    for name in names:
        (notebooks / f"{name}.py").write_text("open('canary', 'a').write(__name__ + '\\n')\n")
    if safe:
        kernel = start_kernel(local_pool, cwd=notebooks)
    else:
        kernel = _without_safe_path(start_kernel, local_pool, notebooks)
    use_everything(kernel)
    assert not (notebooks / "canary").exists(), (notebooks / "canary").read_text()


def _without_safe_path(start_kernel: KernelStarter, pool: Pool, cwd: Path) -> Kernel:
    # The kernelspec's own environment comes first, so an empty value has to stand in for it.
    return start_kernel(pool, cwd=cwd, spec_environment={"PYTHONSAFEPATH": ""})


def use_everything(kernel: Kernel) -> None:
    """Make the kernel import all that it ever imports."""
    assert kernel.run("6 * 7").result == "42"
    assert kernel.run("import matplotlib.pyplot as plt; plt.plot([1]); plt.show()").status == "ok"
    for code in ("%upload data.csv", "%files", "%download data.csv --to back", "%session list"):
        ran = kernel.run(code)
        assert ran.status == "ok", ran.traceback
    kernel.ask("is_complete_request", {"code": "for x in"})
    assert kernel.ask("inspect_request", {"code": "%upload", "cursor_pos": 3})["found"]
