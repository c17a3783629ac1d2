"""The command ``aca-kernel``: install | doctor | pool | sessions."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from ..errors import AcaKernelError, UsageError
from ..outputs.guides import guide_text
from .base import Command

__all__ = ["AcaKernelApp", "main"]


class AcaKernelApp(Command):
    """What `aca-kernel` alone offers: its commands, its help and its version."""

    description = """
        Run the cells of a notebook in Azure Container Apps dynamic sessions.

        The options of the kernel itself are listed by `aca-kernel --help-all`. Write them into
        aca_kernel_config.py in a Jupyter configuration directory (`jupyter --paths`), or set
        their environment variables, which the README lists.
    """
    examples = """\
aca-kernel doctor --endpoint https://REGION.dynamicsessions.io/subscriptions/...
aca-kernel install --name my-pool --endpoint https://REGION.dynamicsessions.io/...
aca-kernel sessions list
"""
    subcommands = {
        "install": (
            "aca_kernel.commands.install.InstallApp",
            "Register a pool as a kernel of its own, or take one away.",
        ),
        "doctor": (
            "aca_kernel.commands.doctor.DoctorApp",
            "Check the way to a pool, step by step, and say what to mend.",
        ),
        "pool": (
            "aca_kernel.commands.pool.PoolApp",
            "Serve a local pool, with the REST API of the service.",
        ),
        "sessions": (
            "aca_kernel.commands.sessions.SessionsApp",
            "List a pool's sessions, delete one, or prune those left behind.",
        ),
    }

    def start(self) -> None:
        """Run the command that was named; UsageError when none was."""
        super().start()
        raise self.misused("Which command?")

    def misused(self, what: str) -> UsageError:
        """The error that says ``what`` is wrong, and which commands there are."""
        commands = " | ".join(self.subcommands)
        return UsageError(
            what, remedy=f"Usage: aca-kernel {commands}; `aca-kernel --help` tells more."
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``aca-kernel`` with ``argv`` (without it: this process's) and give its exit code.

    Errors that a user can meet are printed to stderr. SystemExit comes after --help.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # the C locale has no "…"
    try:
        AcaKernelApp.launch_instance(None if argv is None else list(argv))
        sys.stdout.flush()
    except AcaKernelError as error:
        print(error, file=sys.stderr)
        if error.steps:
            print(f"\n{guide_text(error.steps)}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`): nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
