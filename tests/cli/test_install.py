"""aca-kernel install: kernelspecs written, refused and taken away."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from .conftest import Run

ENDPOINT = (
    "https://westeurope.dynamicsessions.io/subscriptions/0/resourceGroups/group/sessionPools/Team_1"
)
TOKEN = "eyJhbGciOiJub25lIn0.eyJhdWQiOiJ4In0."


def spec_of(directory: Path) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads((directory / "kernel.json").read_text())
    return spec


def kernels(prefix: Path) -> Path:
    return prefix / "share" / "jupyter" / "kernels"


def test_a_pool_becomes_a_kernel_of_its_own(aca_kernel: Run, tmp_path: Path) -> None:
    result = aca_kernel(
        *("install", "--name", "team", "--display-name", "Team pool"),
        *("--endpoint", ENDPOINT, "--prefix", str(tmp_path)),
    )
    assert result.returncode == 0, result.stderr
    directory = kernels(tmp_path) / "team"
    assert str(directory) in result.stdout
    assert sorted(path.name for path in directory.iterdir()) == [
        "kernel.json",
        "logo-32x32.png",
        "logo-64x64.png",
        "logo-svg.svg",
    ]
    assert spec_of(directory) == {
        "argv": [
            sys.executable,
            *("-m", "aca_kernel", "-f", "{connection_file}"),
            f"--AzureSessionsKernel.pool_endpoint={ENDPOINT}",
        ],
        "display_name": "Team pool",
        "language": "python",
        "interrupt_mode": "message",
        "env": {"PYTHONSAFEPATH": "1"},
        "metadata": {
            "debugger": False,
            "supported_encryption": ["curve"],
            "installed_by": "aca-kernel install",
        },
    }
    manager = KernelSpecManager(kernel_dirs=[str(kernels(tmp_path))])
    assert manager.get_kernel_spec("team").display_name == "Team pool"


def test_name_and_display_name_come_from_the_pool(aca_kernel: Run, home: Path) -> None:
    result = aca_kernel("install", "--endpoint", ENDPOINT + "/")
    assert result.returncode == 0, result.stderr
    spec = spec_of(home / "data_dir" / "kernels" / "azure-sessions-team-1")
    assert spec["display_name"] == "Azure Sessions Python (Team_1)"
    assert spec["argv"][-1] == f"--AzureSessionsKernel.pool_endpoint={ENDPOINT}"


def test_api_version_and_mode_are_written_when_given(aca_kernel: Run, tmp_path: Path) -> None:
    result = aca_kernel(
        *("install", "--name", "team", "--endpoint", ENDPOINT, "--prefix", str(tmp_path)),
        *("--api-version", "2025-02-02-preview", "--mode", "direct"),
    )
    assert result.returncode == 0, result.stderr
    assert spec_of(kernels(tmp_path) / "team")["argv"][-2:] == [
        "--AzureSessionsKernel.api_version=2025-02-02-preview",
        "--AzureSessionsKernel.mode=direct",
    ]


def test_no_secret_of_the_environment_gets_into_a_kernelspec(
    aca_kernel: Run, tmp_path: Path
) -> None:
    result = aca_kernel(
        *("install", "--name", "team", "--endpoint", ENDPOINT, "--prefix", str(tmp_path)),
        ACA_ACCESS_TOKEN="hush-token",
        ACA_SESSION_ID="hush-session",
    )
    assert result.returncode == 0, result.stderr
    assert "hush" not in (kernels(tmp_path) / "team" / "kernel.json").read_text()
    assert "hush" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--endpoint", f"{ENDPOINT}?token=hush"), 1),
        (("--endpoint", ENDPOINT.replace("https://", "https://me:hush@")), 1),
        (("--endpoint", f"{ENDPOINT}/{TOKEN}"), 1),
        (("--endpoint", ENDPOINT.replace("https://", "http://")), 1),
        (("--endpoint", "https://pool.example.com"), 1),
        (("--endpoint", "pool"), 1),
        ((), 1),
        (("--endpoint", ENDPOINT, "--mode", "fast"), 1),
        (("--endpoint", ENDPOINT, "--AzureSessionsKernel.access_token=hush"), 2),
        (("--endpoint", ENDPOINT, "--AzureSessionsKernel.session_id=hush"), 2),
        (("--endpoint", ENDPOINT, "--name", "../up"), 2),
        (("--endpoint", ENDPOINT, "--name", "a b"), 2),
        (("--endpoint", ENDPOINT, "--name", ".."), 2),
    ],
)
def test_what_does_not_belong_into_a_kernelspec_is_refused(
    aca_kernel: Run, tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    result = aca_kernel("install", "--prefix", str(tmp_path / "prefix"), *arguments)
    assert result.returncode == code
    assert result.stderr
    assert "Traceback" not in result.stderr
    assert "hush" not in result.stderr
    assert TOKEN not in result.stderr
    assert not (tmp_path / "prefix").exists()


def test_a_kernel_of_ours_is_replaced_and_any_other_is_left_alone(
    aca_kernel: Run, tmp_path: Path
) -> None:
    install = ("install", "--name", "team", "--prefix", str(tmp_path))
    directory = kernels(tmp_path) / "team"
    assert aca_kernel(*install, "--endpoint", "local").returncode == 0
    assert aca_kernel(*install, "--endpoint", ENDPOINT).returncode == 0
    assert spec_of(directory)["argv"][-1].endswith(ENDPOINT)

    foreign = {"argv": ["other"], "display_name": "Other", "language": "python"}
    (directory / "kernel.json").write_text(json.dumps(foreign))
    result = aca_kernel(*install, "--endpoint", ENDPOINT)
    assert result.returncode == 1
    assert "did not write" in result.stderr
    assert spec_of(directory) == foreign
    result = aca_kernel("install", "--remove", "team", "--prefix", str(tmp_path))
    assert result.returncode == 1
    assert "was not written by" in result.stderr
    assert spec_of(directory) == foreign


def test_the_kernels_that_pip_installed_are_not_overwritten(aca_kernel: Run) -> None:
    result = aca_kernel(
        "install", "--name", "azure-sessions-python", "--sys-prefix", "--endpoint", ENDPOINT
    )
    assert result.returncode == 1
    assert "did not write" in result.stderr
    installed = Path(sys.prefix, "share/jupyter/kernels/azure-sessions-python")
    assert spec_of(installed)["argv"][0] == "python"
    assert aca_kernel("install", "--remove", "azure-sessions-python").returncode == 1
    assert installed.exists()


def test_a_kernel_is_taken_away_once(aca_kernel: Run, home: Path) -> None:
    assert aca_kernel("install", "--name", "Team", "--endpoint", ENDPOINT).returncode == 0
    directory = home / "data_dir" / "kernels" / "team"
    assert directory.exists()
    result = aca_kernel("install", "--remove", "Team")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Removed the kernel team")
    assert not directory.exists()
    result = aca_kernel("install", "--remove", "team")
    assert result.returncode == 1
    assert "There is no kernel 'team'" in result.stderr


def test_a_place_that_cannot_be_written_is_told(aca_kernel: Run, tmp_path: Path) -> None:
    (tmp_path / "share").write_text("a file where a folder is needed")
    result = aca_kernel("install", "--endpoint", ENDPOINT, "--prefix", str(tmp_path))
    assert result.returncode == 1
    assert "cannot be changed" in result.stderr
    assert "Traceback" not in result.stderr
