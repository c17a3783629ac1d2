"""aca-kernel itself: help, exit codes, configuration files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from aca_kernel.config.options import Settings
from aca_kernel.jupyter.kernel import AzureSessionsKernel

from .conftest import Run


def test_the_installed_command_tells_its_version() -> None:
    command = shutil.which("aca-kernel", path=str(Path(sys.executable).parent))
    assert command is not None
    result = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == version("aca-kernel")


def test_help_names_every_command(aca_kernel: Run) -> None:
    result = aca_kernel("--help")
    assert result.returncode == 0
    for command in ("install", "doctor", "pool", "sessions"):
        assert f"\n{command}\n" in result.stdout


def test_help_all_lists_every_option_of_the_kernel(aca_kernel: Run) -> None:
    result = aca_kernel("--help-all")
    assert result.returncode == 0
    own = set(AzureSessionsKernel.class_own_traits(config=True))
    for name in own | set(Settings.class_own_traits(config=True)):
        assert f"--AzureSessionsKernel.{name}=" in result.stdout


@pytest.mark.parametrize("option", ["--help", "--help-all"])
def test_the_kernels_own_program_has_help(option: str) -> None:
    command = [sys.executable, "-m", "aca_kernel", option]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
    assert "-f=" in result.stdout  # the connection file
    assert "aca-kernel --help" in result.stdout
    assert "--profile" not in result.stdout.partition("Class options")[0]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "Which command?"),
        (("frobnicate",), "'frobnicate' is one word too many"),
        (("sessions",), "Which command?"),
        (("sessions", "frobnicate"), "Which command?"),
        (("doctor", "now"), "'now' is one word too many"),
        (("doctor", "--wrong=1"), "no option --wrong"),
        (("doctor", "--wrong"), "--wrong"),
        (("doctor", "--endpoin", "local"), "no option --endpoin"),
        (("doctor", "--AzureSessionsKernel.pool_endpont=x"), "AzureSessionsKernel.pool_endpont"),
        (("sessions", "prune", "--idle", "soon"), "idle"),
        (("sessions", "delete"), "Which session?"),
        (("install", "--user", "--sys-prefix"), "exclude each other"),
    ],
)
def test_a_wrong_command_line_is_refused_with_exit_code_2(
    aca_kernel: Run, arguments: tuple[str, ...], complaint: str
) -> None:
    result = aca_kernel(*arguments)
    assert result.returncode == 2
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_the_endpoint_of_the_configuration_file_counts(aca_kernel: Run, home: Path) -> None:
    folder = home / "config_dir"
    folder.mkdir()
    (folder / "aca_kernel_config.py").write_text(
        "c.AzureSessionsKernel.pool_endpoint = 'https://pool.example.com'\n"
    )
    result = aca_kernel("sessions", "list")
    assert result.returncode == 1
    assert "pool.example.com" in result.stderr


def test_a_broken_configuration_file_is_told_without_a_traceback(
    aca_kernel: Run, home: Path
) -> None:
    folder = home / "config_dir"
    folder.mkdir()
    (folder / "aca_kernel_config.py").write_text("c.AzureSessionsKernel.mode = \n")
    result = aca_kernel("sessions", "list")
    assert result.returncode == 1
    assert "configuration file cannot be read: SyntaxError" in result.stderr
    assert "Traceback" not in result.stderr


def test_no_configuration_file_of_the_folder_that_one_works_in_is_run(
    aca_kernel: Run, tmp_path: Path
) -> None:
    (tmp_path / "aca_kernel_config.py").write_text("open('it-ran', 'w').close()")
    for command in (("sessions", "list"), ("pool", "--bogus=1")):
        assert aca_kernel(*command).returncode != 0
    assert not (tmp_path / "it-ran").exists()
    assert aca_kernel("sessions", "list", "--config", "aca_kernel_config.py").returncode != 0
    assert (tmp_path / "it-ran").exists()


def test_a_configuration_file_that_is_not_there_is_told(aca_kernel: Run) -> None:
    result = aca_kernel("sessions", "list", "--config", "nowhere.py")
    assert result.returncode == 1
    assert result.stderr.startswith("There is no configuration file nowhere.py.")


def test_a_wrong_option_is_told_with_its_remedy(aca_kernel: Run) -> None:
    result = aca_kernel("doctor", "--endpoint", "local", ACA_KERNEL_MODE="fast")
    assert result.returncode == 1
    assert "FAILED  options" in result.stdout
    assert "'fast'" in result.stderr
    assert "ACA_KERNEL_MODE" in result.stderr


@pytest.mark.parametrize("word", ["--bogus=1", "--bogus", "word"])
def test_a_pool_with_an_unknown_option_does_not_start(word: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aca_kernel.commands.cli", "pool", word],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert word.split("=")[0] in done.stderr
