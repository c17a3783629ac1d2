"""The first cell of a new user: whatever is missing, a guide with commands to copy says it."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from tests.pool.fault_server import Fault, FaultServer, answer
from tests.pool.test_auth import Tunnel, jwt
from tests.pool.test_faults import tls

from .conftest import KernelStarter
from .driver import Kernel, Ran

PATH = "/subscriptions/5ab5/resourceGroups/my-group/sessionPools/my-pool"
RESOURCE = (
    "/subscriptions/5ab5/resourceGroups/my-group/providers/Microsoft.App/sessionPools/my-pool"
)
POOL = f"https://northeurope.dynamicsessions.io{PATH}"
PERSON = "0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e"

Reach = Callable[[Fault], dict[str, str]]


def guided(ran: Ran, ename: str) -> str:
    """The guide's text, of a cell that shows it and then the error as every front end needs it."""
    assert ran.kinds[-2:] == ["display_data", "error"]  # a slow start has its status line before
    assert ran.ename == ename
    content = ran.of("display_data")[-1]
    assert "<script" not in content["data"]["text/html"]
    return str(content["data"]["text/plain"])


def commands(ran: Ran) -> list[str]:
    """The commands of the guide as a browser copies them; the text twin has each as a line."""
    content = ran.of("display_data")[-1]
    found = re.findall(r"<pre[^>]*>(.*?)</pre>", content["data"]["text/html"])
    lines = [html.unescape(line) for line in found]
    twin = [line.strip() for line in content["data"]["text/plain"].splitlines()]
    assert [line for line in lines if line not in twin] == []
    return lines


@pytest.fixture
def beyond_proxy(tmp_path: Path) -> Iterator[Reach]:
    """Give the environment of a kernel whose pool answers as a fault says, as Azure's would."""
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    servers: list[FaultServer] = []

    def start(fault: Fault) -> dict[str, str]:
        pool = FaultServer(fault, tls=tls(authority, "north.sessions.example"))
        servers.append(pool.__enter__())
        proxy = FaultServer(Tunnel(pool.port))
        servers.append(proxy.__enter__())
        return {
            "ACA_POOL_MANAGEMENT_ENDPOINT": f"https://north.sessions.example:{pool.port}{PATH}",
            "ACA_ENDPOINT_SUFFIXES": ".sessions.example",
            "ACA_CA_BUNDLE": str(bundle),
            "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}",
        }

    yield start
    for server in reversed(servers):
        server.__exit__(None, None, None)


def signed_out(folder: Path, az: str | None = None) -> dict[str, str]:
    """A machine whose only way to log in is the Azure CLI; ``az`` is what that says."""
    if az is not None:
        program = folder / "az"
        program.write_text(f"#!{sys.executable}\nimport sys\nsys.exit({az!r})\n")
        program.chmod(0o755)
    return {
        "AZURE_TOKEN_CREDENTIALS": "AzureCliCredential",
        "PATH": f"{folder}:/usr/bin:/bin" if az is not None else str(folder),
    }


def run_first(kernel: Kernel) -> Ran:
    return kernel.run("6 * 7")


def test_without_an_endpoint_the_whole_way_is_shown(start_kernel: KernelStarter) -> None:
    ran = run_first(start_kernel())
    text = guided(ran, "ConfigurationError")
    shown = commands(ran)
    assert shown[0] == "az login"
    assert any(line.startswith('export ACA_POOL_MANAGEMENT_ENDPOINT="$(az ') for line in shown)
    assert any(line.startswith("$env:ACA_POOL_MANAGEMENT_ENDPOINT = az ") for line in shown)
    assert any(line.startswith("az role assignment create") for line in shown)
    assert "aca-kernel doctor" in shown
    assert "bash" in text
    assert "PowerShell" in text


@pytest.mark.parametrize("given", [RESOURCE, POOL.replace("https", "http"), POOL[8:], f"{POOL}?a"])
def test_a_malformed_endpoint_is_asked_for_with_the_users_own_names(
    start_kernel: KernelStarter, given: str
) -> None:
    ran = run_first(start_kernel(ACA_POOL_MANAGEMENT_ENDPOINT=given))
    guided(ran, "ConfigurationError")
    assert (
        "$env:ACA_POOL_MANAGEMENT_ENDPOINT = az containerapp sessionpool show --name my-pool"
        " --resource-group my-group --query properties.poolManagementEndpoint --output tsv"
    ) in commands(ran)


def test_a_wrong_suffix_is_told_with_where_to_find_the_pool(start_kernel: KernelStarter) -> None:
    ran = run_first(start_kernel(ACA_POOL_MANAGEMENT_ENDPOINT="https://my-pool.example.com"))
    assert "sessionpool list" in guided(ran, "ConfigurationError")


def test_without_a_login_the_cell_says_how_to_sign_in(
    start_kernel: KernelStarter, tmp_path: Path
) -> None:
    environment = signed_out(tmp_path)
    ran = run_first(start_kernel(ACA_POOL_MANAGEMENT_ENDPOINT=POOL, **environment))
    text = guided(ran, "AuthenticationError")
    assert commands(ran) == ["az login", "aca-kernel doctor"]
    assert "nothing has to be restarted" in text


def test_an_expired_login_is_told_from_none(start_kernel: KernelStarter, tmp_path: Path) -> None:
    environment = signed_out(tmp_path, "AADSTS700082: The refresh token has expired. az login")
    ran = run_first(start_kernel(ACA_POOL_MANAGEMENT_ENDPOINT=POOL, **environment))
    guided(ran, "AuthenticationError")
    assert "has expired (AADSTS700082)" in ran.evalue
    assert commands(ran)[0] == 'az login --scope "https://dynamicsessions.io/.default"'


@pytest.mark.parametrize(
    ("token", "assignee"),
    [
        (jwt(oid=PERSON, upn="me@example.com"), f"{PERSON} --assignee-principal-type User "),
        (jwt(oid=PERSON, idtyp="app"), f"{PERSON} --assignee-principal-type ServicePrincipal "),
        (jwt(oid="$(touch canary)"), '"$(az ad signed-in-user show --query id --output tsv)"'),
        ("no-jwt-at-all-canary", '"$(az ad signed-in-user show --query id --output tsv)"'),
    ],
)
@pytest.mark.parametrize("status", [401, 403])
def test_a_missing_role_is_assigned_by_a_command_with_the_users_own_pool(
    start_kernel: KernelStarter, beyond_proxy: Reach, status: int, token: str, assignee: str
) -> None:
    ran = run_first(start_kernel(**beyond_proxy(answer(status)), ACA_ACCESS_TOKEN=token))
    text = guided(ran, "AuthenticationError" if status == 401 else "PermissionRefused")
    (command,) = [line for line in commands(ran) if line.startswith("az role ")]
    assert command.endswith(f'--scope "{RESOURCE}"')
    assert f"--assignee-object-id {assignee}" in command
    assert "minutes" in text
    assert token not in text + ran.traceback
    assert "canary" not in text + ran.traceback


def test_a_pool_that_is_not_there_is_told_with_where_to_find_it(
    start_kernel: KernelStarter, beyond_proxy: Reach
) -> None:
    ran = run_first(start_kernel(**beyond_proxy(answer(404)), ACA_ACCESS_TOKEN="x" * 20))
    assert "sessionpool list" in guided(ran, "NotFound")


def test_without_a_network_the_cell_says_what_to_look_at(start_kernel: KernelStarter) -> None:
    ran = run_first(
        start_kernel(
            ACA_POOL_MANAGEMENT_ENDPOINT=f"https://north.sessions.invalid{PATH}",
            ACA_ENDPOINT_SUFFIXES=".sessions.invalid",
            ACA_ACCESS_TOKEN="x" * 20,
        )
    )
    guided(ran, "NotSent")
    assert "host name" in ran.traceback
    assert '$env:HTTPS_PROXY = "http://PROXY:PORT"' in commands(ran)


def test_a_certificate_that_is_not_trusted_is_told(
    start_kernel: KernelStarter, beyond_proxy: Reach
) -> None:
    environment = beyond_proxy(answer(200)) | {"ACA_CA_BUNDLE": ""}
    ran = run_first(start_kernel(**environment, ACA_ACCESS_TOKEN="x" * 20))
    guided(ran, "NotSent")
    assert 'export ACA_CA_BUNDLE="/PATH/TO/CA.pem"' in commands(ran)


def test_a_silent_cell_shows_no_guide(start_kernel: KernelStarter) -> None:
    ran = start_kernel().run("1", silent=True)
    assert ran.status == "error"
    assert ran.kinds == []
