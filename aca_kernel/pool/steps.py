"""The way to a running cell in steps, each with commands that can be copied as they are.

Everything here is pure. An error carries the steps that mend it; the cell shows them as a guide,
``aca-kernel doctor`` prints them. Commands hold names only where these are surely harmless in a
shell, else words in capitals.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from aca_kernel.errors import Command, Step

__all__ = [
    "UNKNOWN_POOL",
    "assign_role",
    "check_it",
    "compare_endpoint",
    "find_pool",
    "from_the_start",
    "log_in",
    "mend_endpoint",
    "new_token",
    "pool_in",
    "reach",
    "role_command",
    "run_again",
    "set_endpoint",
    "set_variable",
    "sign_in",
    "start_again",
    "through_a_proxy",
    "trust_authority",
]

ROLE = "Azure ContainerApps Session Executor"
SCOPE = "https://dynamicsessions.io/.default"
ENDPOINT_VARIABLE = "ACA_POOL_MANAGEMENT_ENDPOINT"
UNKNOWN_POOL = ("POOL", "GROUP")
"""What stands for a pool's name and resource group where they are not known."""

_AZURE_NAME = re.compile(r"\w[\w.()-]{0,127}")  # harmless between double quotes in any shell
_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_POOL = re.compile(
    r"/resourceGroups/([^/?#]+)/(?:providers/[^/?#]+/)?sessionPools/([^/?#]+)", re.IGNORECASE
)


def pool_in(text: str) -> tuple[str, str]:
    """The pool's name and resource group that an endpoint or a resource id names.

    `UNKNOWN_POOL` where it names none, or others than Azure would allow.
    """
    found = _POOL.search(text)
    if found and all(_AZURE_NAME.fullmatch(name) for name in found.groups()):
        return found[2], found[1]
    return UNKNOWN_POOL


def from_the_start() -> list[Step]:
    """All that stands between a new user with a pool and a running cell."""
    return [
        sign_in(),
        find_pool(),
        set_endpoint(),
        assign_role(None),
        check_it(),
        start_again(),
    ]


def mend_endpoint(text: str) -> list[Step]:
    """What to do about an endpoint that is none; ``text`` is what was given for it."""
    pool = pool_in(text)
    finding = [find_pool()] if pool == UNKNOWN_POOL else []
    return [*finding, set_endpoint(pool), check_it(), start_again()]


def log_in(scope: str = "") -> list[Step]:
    """What to do without a login, or with one that Entra ID refused for ``scope``."""
    return [
        sign_in(scope),
        Step(
            text="Without a person: use a managed identity, or set AZURE_TENANT_ID, AZURE_CLIENT_ID"
            " and AZURE_CLIENT_SECRET of a service principal before Jupyter starts.",
        ),
        check_it(),
        run_again(),
    ]


def reach(resource_id: str | None, reason: str) -> list[Step]:
    """What to do when nothing can be sent to a pool, for a ``reason`` of `wire.why`."""
    if "certificate" in reason:
        return [trust_authority(), check_it(), start_again()]
    return [
        Step(text="See whether this machine is online."),
        compare_endpoint(pool_in(resource_id or "")),
        through_a_proxy(),
        check_it(),
        run_again(
            "Run the cell again. After setting a variable, first start Jupyter again from that"
            " terminal."
        ),
    ]


def sign_in(scope: str = "") -> Step:
    """Log in to Azure; ``scope`` is for a login that has expired or lacks something."""
    line = "az login"
    if re.fullmatch(r"https://[\w./-]+", scope):
        line += f' --scope "{scope}"'
    return Step(
        text="Sign in to Azure, in a terminal on the machine that runs Jupyter:",
        commands=[Command(line=line)],
    )


def find_pool() -> Step:
    """List the pools, with the names that the other commands need."""
    query = "[].{POOL:name, GROUP:resourceGroup}"
    return Step(
        text="Find your pool: its name (POOL) and its resource group (GROUP). The README says"
        " how to make one.",
        commands=[
            Command(line=f'az containerapp sessionpool list --query "{query}" --output table')
        ],
    )


def set_endpoint(pool: tuple[str, str] = UNKNOWN_POOL) -> Step:
    """Set the variable that holds the endpoint, in the two kinds of shell."""
    return set_variable(
        ENDPOINT_VARIABLE,
        _show(pool, "properties.poolManagementEndpoint"),
        f"Set {ENDPOINT_VARIABLE} to the pool's management endpoint, in the terminal that starts"
        f" Jupyter{_to_fill_in(pool)}:",
    )


def set_variable(name: str, az: str, text: str) -> Step:
    """Set an environment variable to what the command ``az`` prints, in the two kinds of shell."""
    return Step(
        text=text,
        commands=[
            Command(terminal="bash, zsh", line=f'export {name}="$({az})"'),
            Command(terminal="PowerShell", line=f"$env:{name} = {az}"),
        ],
    )


def new_token() -> Step:
    """Get a new token in place of the one that was given."""
    return set_variable(
        "ACA_ACCESS_TOKEN",
        "az account get-access-token --resource https://dynamicsessions.io --query accessToken"
        " --output tsv",
        "The token that was given may have expired, or be meant for something else. Get a new one"
        " in the terminal that starts Jupyter, or unset the variable to use your login:",
    )


def compare_endpoint(pool: tuple[str, str]) -> Step:
    """Show the endpoint as Azure knows it."""
    return Step(
        text=f"Compare the endpoint with what Azure says{_to_fill_in(pool)}:",
        commands=[Command(line=_show(pool, "properties.poolManagementEndpoint"))],
    )


def assign_role(
    resource_id: str | None,
    assignee: tuple[str, str] | None = None,
    pool: tuple[str, str] = UNKNOWN_POOL,
) -> Step:
    """Give a login the role which the data plane asks for.

    ``assignee`` is an object id of Entra ID and its principal type; without one the command asks
    Azure who is signed in.
    """
    names = "" if resource_id else _to_fill_in(pool)
    return Step(
        text=f'Give yourself the role "{ROLE}" on the pool{names}. It takes effect after one to a'
        " few minutes:",
        commands=[Command(line=role_command(resource_id, assignee, pool))],
    )


def role_command(
    resource_id: str | None,
    assignee: tuple[str, str] | None = None,
    pool: tuple[str, str] = UNKNOWN_POOL,
) -> str:
    """The command of `assign_role`, for bash and PowerShell alike."""
    person, kind = '"$(az ad signed-in-user show --query id --output tsv)"', "User"
    if assignee is not None and _ID.fullmatch(assignee[0]):
        person, kind = assignee
    names = (resource_id or "").split("/")[1:]
    if names and all(_AZURE_NAME.fullmatch(name) for name in names):
        scope = f'"{resource_id}"'
    else:
        scope = f'"$({_show(pool, "id")})"'
    return (
        f'az role assignment create --role "{ROLE}" --assignee-object-id {person}'
        f" --assignee-principal-type {kind} --scope {scope}"
    )


def through_a_proxy() -> Step:
    """Name a proxy and a certificate authority, where the network needs them."""
    return Step(
        text="If your network has a proxy, name it in the terminal that starts Jupyter:",
        commands=[
            Command(terminal="bash, zsh", line='export HTTPS_PROXY="http://PROXY:PORT"'),
            Command(terminal="PowerShell", line='$env:HTTPS_PROXY = "http://PROXY:PORT"'),
        ],
    )


def trust_authority() -> Step:
    """Name the file of certificate authorities that an organisation's proxy signs with."""
    return Step(
        text="If your organisation signs certificates itself, name its authority's PEM file in the"
        " terminal that starts Jupyter:",
        commands=[
            Command(terminal="bash, zsh", line='export ACA_CA_BUNDLE="/PATH/TO/CA.pem"'),
            Command(terminal="PowerShell", line='$env:ACA_CA_BUNDLE = "C:\\PATH\\TO\\CA.pem"'),
        ],
    )


def check_it() -> Step:
    """Check the whole way."""
    return Step(
        text="Check the way to the pool, step by step:",
        commands=[Command(line="aca-kernel doctor")],
    )


def start_again() -> Step:
    """Let the notebook see a variable that was set."""
    return Step(
        text="Start Jupyter again from that terminal, for a running one does not see the variable."
        " Or register the pool as a kernel of its own, which needs no variable, also in VS Code:",
        commands=[
            Command(
                terminal="bash, zsh",
                line=f'aca-kernel install --name my-pool --endpoint "${ENDPOINT_VARIABLE}"',
            ),
            Command(
                terminal="PowerShell",
                line=f'aca-kernel install --name my-pool --endpoint "$env:{ENDPOINT_VARIABLE}"',
            ),
        ],
    )


def run_again(text: str = "Run the cell again; nothing has to be restarted.") -> Step:
    """The last step where no variable was set."""
    return Step(text=text)


def _show(pool: tuple[str, str], query: str) -> str:
    name, group = (f'"{part}"' if set(part) & set("()") else part for part in pool)
    return (
        f"az containerapp sessionpool show --name {name} --resource-group {group}"
        f" --query {query} --output tsv"
    )


def _to_fill_in(pool: Sequence[str]) -> str:
    return " (fill in POOL and GROUP)" if tuple(pool) == UNKNOWN_POOL else ""
