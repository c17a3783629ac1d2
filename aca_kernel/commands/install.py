"""``aca-kernel install``: a kernelspec for one more pool, written or taken away.

A kernel.json is readable by everybody who may read the prefix it lies in, and is copied
along with an environment. So nothing secret goes into it: an endpoint, an api-version and a
mode, and no other option.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from traitlets import Bool, Unicode

from ..config.options import LOCAL_ENDPOINT, Settings
from ..errors import AcaKernelError, ConfigurationError, UsageError
from ..pool import Endpoint, parse_endpoint
from .base import POOL_ALIASES, Command

__all__ = ["InstallApp"]

PACKAGED = "azure-sessions-python"
WRITTEN_OPTIONS = ("pool_endpoint", "api_version", "mode")
INSTALLED_BY = "aca-kernel install"
_NAME = re.compile(r"[a-z0-9._-]+")
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.")


class InstallApp(Command):
    """Writes a kernelspec whose kernel uses one given pool, or removes one."""

    name = "aca-kernel install"
    description = """
        Register a pool as a kernel of its own, so that a notebook picks its pool with its kernel.

        The kernel runs with this very Python, by its full path: notebooks of any other
        environment, and of editors that bring their own Jupyter, can use it. No secret is
        written. Without --user, --sys-prefix or --prefix the kernel is installed for the user.
    """
    examples = """\
aca-kernel install --name team-pool --display-name "Team pool" \\
    --endpoint https://REGION.dynamicsessions.io/subscriptions/.../sessionPools/POOL
aca-kernel install --remove team-pool
"""

    kernel_name = Unicode(
        help="The kernel's name, as `jupyter kernelspec list` shows it. Without it: made from"
        " the pool's name.",
    ).tag(config=True)
    display_name = Unicode(
        help="The name in the launcher. Without it: made from the pool's name.",
    ).tag(config=True)
    remove = Unicode(
        help="Take away the kernel of this name, which `aca-kernel install` has written."
    ).tag(config=True)
    user = Bool(False, help="Install for this user: the default.").tag(config=True)
    sys_prefix = Bool(False, help="Install into this Python environment.").tag(config=True)
    prefix = Unicode(help="Install below this directory, in share/jupyter/kernels.").tag(
        config=True
    )

    aliases = {
        **Command.aliases,
        **POOL_ALIASES,
        "mode": "AzureSessionsKernel.mode",
        "name": "InstallApp.kernel_name",
        "display-name": "InstallApp.display_name",
        "prefix": "InstallApp.prefix",
        "remove": "InstallApp.remove",
    }
    flags = {
        **Command.flags,
        "user": ({"InstallApp": {"user": True}}, "Install for this user: the default."),
        "sys-prefix": (
            {"InstallApp": {"sys_prefix": True}},
            "Install into this Python environment.",
        ),
    }

    def start(self) -> None:
        """Write or remove the kernelspec, and say where; raises AcaKernelError."""
        if sum((self.user, self.sys_prefix, bool(self.prefix))) > 1:
            raise self.misused("--user, --sys-prefix and --prefix exclude each other.")
        try:
            if self.remove:
                self._remove()
            else:
                self._install()
        except OSError as error:
            raise AcaKernelError(
                f"The kernel's folder cannot be changed: {error}",
                remedy="Choose another place with --user, --sys-prefix or --prefix.",
            ) from error

    def _install(self) -> None:
        given = set(self.cli_config.get("AzureSessionsKernel", {}))
        if secret := given - set(WRITTEN_OPTIONS):
            raise UsageError(
                f"{', '.join(sorted(secret))} is never written into a kernel.json, which others"
                " may read.",
                remedy="Set it in aca_kernel_config.py or in the environment of Jupyter.",
            )
        settings = self.pool_settings()
        endpoint = _safe_endpoint(settings)
        pool = _pool_name(endpoint)
        name = self.kernel_name.lower() or _default_name(pool)
        if not _NAME.fullmatch(name) or name in (".", ".."):
            raise UsageError(
                f"{name!r} cannot be a kernel's name.",
                remedy="Use ASCII letters, digits, and the characters . _ and -",
            )
        target = self._directory(name)
        if target.exists() and not _is_ours(target):
            raise AcaKernelError(
                f"There is a kernel {name!r} in {target.parent} that `{INSTALLED_BY}` did not"
                " write.",
                left="It was left as it is.",
                remedy="Choose another name with --name, or another place.",
            )
        packaged = _packaged_kernelspec()
        spec = json.loads((packaged / "kernel.json").read_text(encoding="utf-8"))
        options = {"pool_endpoint": endpoint.url if endpoint else LOCAL_ENDPOINT} | {
            option: getattr(settings, option) for option in WRITTEN_OPTIONS[1:] if option in given
        }
        spec["argv"] = [sys.executable, *spec["argv"][1:]]
        spec["argv"] += [f"--AzureSessionsKernel.{key}={value}" for key, value in options.items()]
        spec["display_name"] = self.display_name or f"Azure Sessions Python ({pool})"
        spec["metadata"]["installed_by"] = INSTALLED_BY
        self._write(name, spec, packaged)
        print(f"Installed the kernel {name} ({spec['display_name']}) in {target}")

    def _write(self, name: str, spec: dict[str, Any], packaged: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            # A folder inside: the scratch folder's own mode would shut other users out.
            source = Path(scratch) / name
            source.mkdir()
            for logo in packaged.glob("logo-*"):
                shutil.copyfile(logo, source / logo.name)
            text = json.dumps(spec, indent=2, ensure_ascii=False) + "\n"
            (source / "kernel.json").write_text(text, encoding="utf-8")
            KernelSpecManager(parent=self).install_kernel_spec(
                str(source), name, user=not self._prefix(), prefix=self._prefix() or None
            )

    def _remove(self) -> None:
        name = self.remove.lower()
        if not _NAME.fullmatch(name) or name in (".", ".."):
            raise UsageError(f"{name!r} cannot be a kernel's name.")
        if self.user or self._prefix():
            places = [self._directory(name)]
        else:
            places = [Path(folder) / name for folder in KernelSpecManager(parent=self).kernel_dirs]
        there = [place for place in places if place.exists()]
        if not there:
            raise AcaKernelError(
                f"There is no kernel {name!r}.", remedy="`jupyter kernelspec list` shows them."
            )
        ours = [place for place in there if _is_ours(place)]
        if not ours:
            raise AcaKernelError(
                f"The kernel {name!r} in {there[0].parent} was not written by `{INSTALLED_BY}`.",
                left="It was left as it is.",
                remedy=f"`jupyter kernelspec remove {name}` takes any kernel away.",
            )
        shutil.rmtree(ours[0])
        print(f"Removed the kernel {name} from {ours[0].parent}")

    def _prefix(self) -> str:
        """The prefix to install below; "" stands for the user's own folder."""
        return sys.prefix if self.sys_prefix else self.prefix

    def _directory(self, name: str) -> Path:
        if prefix := self._prefix():
            return Path(prefix).absolute() / "share" / "jupyter" / "kernels" / name
        return Path(KernelSpecManager(parent=self).user_kernel_dir) / name


def _safe_endpoint(settings: Settings) -> Endpoint | None:
    """The endpoint to write; None for the local pool. Raises ConfigurationError."""
    if settings.pool_endpoint == LOCAL_ENDPOINT:
        return None
    endpoint = parse_endpoint(settings.pool_endpoint, suffixes=settings.endpoint_suffixes)
    if _TOKEN.search(endpoint.url):
        raise ConfigurationError(
            "The endpoint holds what looks like an access token.",
            left="Nothing was written.",
            remedy="Give the pool's management endpoint alone. The kernel logs in by itself.",
        )
    return endpoint


def _pool_name(endpoint: Endpoint | None) -> str:
    if endpoint is None:
        return "local pool"
    return endpoint.pool_name or endpoint.host.partition(".")[0]


def _default_name(pool: str) -> str:
    return "azure-sessions-" + (re.sub(r"[^a-z0-9]+", "-", pool.lower()).strip("-") or "pool")


def _is_ours(kernel_directory: Path) -> bool:
    """Whether ``aca-kernel install`` wrote the kernelspec in this directory."""
    try:
        spec = json.loads((kernel_directory / "kernel.json").read_text(encoding="utf-8"))
        return bool(spec["metadata"]["installed_by"] == INSTALLED_BY)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _packaged_kernelspec() -> Path:
    """The directory of the kernelspec that came with this package, logos included."""
    for file in distribution("aca-kernel").files or ():
        if file.parts[-2:] == (PACKAGED, "kernel.json"):
            found = Path(str(file.locate())).resolve()
            if found.exists():
                return found.parent
    raise AcaKernelError(
        f"The kernelspec {PACKAGED} that belongs to aca-kernel is missing.",
        remedy="Install aca-kernel again: pip install --force-reinstall --no-deps aca-kernel",
    )
