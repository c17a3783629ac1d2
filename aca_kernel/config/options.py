"""Every option, once: its trait, its environment variables, its default.

Options come from Jupyter's configuration (``aca_kernel_config.py`` or ``.json`` in a
Jupyter configuration directory, or ``--AzureSessionsKernel.NAME=VALUE``), else from the
environment, else they have the default named here. A notebook can set none of them: it is
untrusted input (SECURITY.md, promise 6).

Nothing else in this package reads ``os.environ``.
"""

from __future__ import annotations

import os
import re
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from traitlets import Bool, Float, List, TraitError, Unicode
from traitlets.config import Config, Configurable

from ..errors import ConfigurationError

__all__ = ["LOCAL_ENDPOINT", "MODES", "OUTPUT_POLICIES", "Settings", "settings_of"]

LOCAL_ENDPOINT = "local"
"""The endpoint that stands for the embedded local pool."""

MODES = ("auto", "linked", "direct")
OUTPUT_POLICIES = ("isolated", "trusted", "text")


class Settings(Configurable):
    """The options of a kernel or a command, checked when they are first used.

    A value that cannot be used never keeps a kernel from starting: it is kept in
    ``problems`` and raised by :meth:`check`, so that the first cell can explain it.
    """

    pool_endpoint = Unicode(
        help="The pool's management endpoint, as `az containerapp sessionpool show --query"
        " properties.poolManagementEndpoint` prints it; `local` starts the embedded local pool.",
    ).tag(
        config=True,
        env=(
            "ACA_POOL_MANAGEMENT_ENDPOINT",
            "AZURE_CONTAINER_APP_SESSION_POOL_MANAGEMENT_ENDPOINT",
            "POOL_MANAGEMENT_ENDPOINT",
        ),
    )
    session_id = Unicode(
        help="The session's identifier, 4 to 128 characters. Without one it is derived from the"
        " kernel's connection file, and the session is deleted at shutdown.",
    ).tag(config=True, env=("ACA_SESSION_ID",), secret=True)
    api_version = Unicode(
        "2025-10-02-preview",
        help="The api-version of the session pool's REST API.",
    ).tag(config=True, env=("ACA_API_VERSION",))
    mode = Unicode(
        "auto",
        help="How cells reach the session: auto, linked or direct.",
    ).tag(config=True, env=("ACA_KERNEL_MODE",))
    access_token = Unicode(
        help="An access token for the pool. Without one, azure-identity's"
        " DefaultAzureCredential gets it: az login, managed identity, environment.",
    ).tag(config=True, env=("ACA_ACCESS_TOKEN",), secret=True)
    token_scope = Unicode(
        "https://dynamicsessions.io/.default",
        help="The scope that a token is asked for.",
    ).tag(config=True, env=("ACA_TOKEN_SCOPE",))
    endpoint_suffixes = List(
        Unicode(),
        default_value=[".dynamicsessions.io", ".azurecontainerapps.io"],
        help="Host name endings that a token may be sent to; in the environment, separated"
        " by commas.",
    ).tag(config=True, env=("ACA_ENDPOINT_SUFFIXES",))
    ca_bundle = Unicode(
        help="A PEM file of certificate authorities to trust besides the usual ones.",
    ).tag(config=True, env=("ACA_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"))
    execution_timeout = Float(
        None,
        allow_none=True,
        help="Seconds a cell may run. Without it: no limit in linked mode, the service's cap"
        " (about 220 s) in direct mode.",
    ).tag(config=True, env=("ACA_EXECUTION_TIMEOUT",))
    outage_tolerance = Float(
        600.0,
        help="Seconds that a running cell survives without the network (linked mode).",
    ).tag(config=True, env=("ACA_OUTAGE_TOLERANCE",))
    pool_wait = Float(
        120.0,
        help="Seconds that a cell waits for a session while the pool is full; 0 for none.",
    ).tag(config=True, env=("ACA_POOL_WAIT",))
    prewarm = Bool(
        False,
        help="Allocate the session right after the kernel starts, not with the first cell.",
    ).tag(config=True, env=("ACA_PREWARM",))
    keep_alive = Float(
        3000.0,
        help="Seconds after the last cell during which the session is kept from cooling down,"
        " by one cheap call per half cooldown period; 0 for none.",
    ).tag(config=True, env=("ACA_KEEP_ALIVE",))
    remember_sessions = Bool(
        True,
        help="Keep which sessions this user had lately, for %session attach: in Jupyter's data"
        " directory, readable by the user alone.",
    ).tag(config=True, env=("ACA_REMEMBER_SESSIONS",))
    output_policy = Unicode(
        "isolated",
        help="What a session may show here: isolated, trusted or text.",
    ).tag(config=True, env=("ACA_OUTPUT_POLICY",))
    transfer_root = Unicode(
        help="The directory that %upload and %download stay in. Without it: the notebook's.",
    ).tag(config=True, env=("ACA_TRANSFER_ROOT",))

    def __init__(self, **kwargs: Any) -> None:
        self.problems: list[ConfigurationError] = []
        super().__init__(**kwargs)
        configured = set(self._find_my_config(self.config)) | set(kwargs)
        for name, trait in self.traits(env=lambda names: bool(names)).items():
            if name not in configured:
                self._read_environment(name, trait.metadata["env"])

    def _load_config(
        self, cfg: Config, section_names: list[str] | None = None, traits: Any = None
    ) -> None:
        try:
            super()._load_config(cfg, section_names=section_names, traits=traits)
        except TraitError as error:
            # traitlets repeats the value, which might be a secret: only the option is named.
            found = re.match(r"The '(\w+)' trait", str(error))
            option = f"the option {found[1]}" if found else "an option"
            self.problems.append(
                ConfigurationError(
                    "The configuration of this kernel has a value that cannot be used for"
                    f" {option}.",
                    remedy="Correct it in aca_kernel_config.py (`jupyter --paths` lists where it"
                    " may be), then restart the kernel.",
                )
            )

    def _read_environment(self, name: str, variables: tuple[str, ...]) -> None:
        for variable in variables:
            text = os.environ.get(variable, "").strip()
            if not text:
                continue
            trait = self.traits()[name]
            try:
                if isinstance(trait, List):
                    value: Any = [part.strip() for part in text.split(",") if part.strip()]
                elif isinstance(trait, Bool):
                    value = _boolean(text)
                elif isinstance(trait, Unicode):
                    value = text  # traitlets would take quotes off and read a leading ~ as a home
                else:
                    value = trait.from_string(text)
                setattr(self, name, value)
            except (TraitError, ValueError):
                # The value itself is not repeated: it might be a secret in the wrong place.
                self.problems.append(
                    ConfigurationError(
                        f"The environment variable {variable} has a value that cannot be used"
                        f" for {name}: {type(trait).__name__.lower()} expected.",
                        remedy=f"Correct or unset {variable}, then restart the kernel.",
                    )
                )
            return

    @classmethod
    def disinherit(cls) -> None:
        """Take the secrets out of this process's environment, so that no child gets them.

        The Azure CLI is such a child, which azure-identity starts for a token.
        """
        for trait in cls.class_traits(secret=True).values():
            for variable in trait.metadata["env"]:
                os.environ.pop(variable, None)

    def check(self) -> None:
        """Raise :class:`ConfigurationError` for the first option that cannot be used."""
        if self.problems:
            raise self.problems[0]
        for name, value, allowed in (
            ("mode", self.mode, MODES),
            ("output_policy", self.output_policy, OUTPUT_POLICIES),
        ):
            if value not in allowed:
                raise ConfigurationError(
                    f"The option {name} is {value!r}, which is not one of {', '.join(allowed)}.",
                    remedy=f"Set {self.variables(name)[0]} to one of them, then restart the"
                    " kernel.",
                )
        if not re.fullmatch(r"\d{4}-\d\d-\d\d(-preview)?", self.api_version):
            raise ConfigurationError(
                "The option api_version is not the date of an api-version.",
                remedy=f"Set {self.variables('api_version')[0]} to one such as 2025-10-02-preview,"
                " then restart the kernel.",
            )
        if self.execution_timeout == 0:
            raise ConfigurationError(
                "The option execution_timeout is 0: no cell could run.",
                remedy=f"Unset {self.variables('execution_timeout')[0]} for no limit of its own,"
                " then restart the kernel.",
            )
        for name in ("execution_timeout", "outage_tolerance", "pool_wait", "keep_alive"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < float("inf"):
                raise ConfigurationError(
                    f"The option {name} is {value}, which is not a number of seconds.",
                    remedy=f"Correct {self.variables(name)[0]}, then restart the kernel.",
                )

    @classmethod
    def variables(cls, name: str) -> tuple[str, ...]:
        """The environment variables of the option ``name``, in the order they are looked at."""
        variables: tuple[str, ...] = cls.class_traits()[name].metadata["env"]
        return variables

    @staticmethod
    def notebook_path() -> str:
        """The notebook's path as Jupyter's server tells it, else its folder; "" for unknown."""
        try:
            return os.environ.get("JPY_SESSION_NAME", "") or str(Path.cwd())
        except OSError:
            return ""

    @staticmethod
    def proxies() -> Mapping[str, str]:
        """The proxies that the user's environment or system names, by scheme."""
        return {
            scheme: proxy
            for scheme, proxy in urllib.request.getproxies().items()
            if scheme in ("http", "https", "all", "no")
        }


def _boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered in ("1", "true", "yes", "on"):
        return True
    if lowered in ("0", "false", "no", "off"):
        return False
    raise ValueError(text)


def settings_of(config: Config) -> Settings:
    """The options as ``config`` has them for the kernel, else as the environment says."""
    known = set(Settings.class_trait_names(config=True))
    own = Config()
    for section in ("Settings", "AzureSessionsKernel"):
        for name, value in config.get(section, {}).items():
            if name in known:
                own.Settings[name] = value
    return Settings(config=own)
