"""How an agent's tool, or any other client of the API, reaches this notebook's session. Pure."""

from __future__ import annotations

import json
from urllib.parse import quote

from ..pool import Endpoint, shorten
from ..pool.api import Api
from ..transfers.names import printable
from .base import SessionControl

__all__ = ["is_open", "share_row", "snippet"]

_FULL = "%session share --show-identifier"


def is_open(session: SessionControl) -> bool:
    """Whether it is worth telling how others come in: they share, and somebody meant them to."""
    return session.shared and (session.mode == "linked" or not session.is_own)


def share_row(session: SessionControl) -> tuple[str, str]:
    """The row of %session info that says whether other clients share the namespace."""
    if session.mode == "direct":
        return "shared", "yes: in direct mode all clients of a session have one Python"
    if not session.life.may_exist:
        found = "no" if session.is_own else "yes, from the first cell on"
        return "shared", found
    if session.shared:
        return "shared", "yes: plain calls of other clients run in this notebook's namespace"
    return "shared", "no: other clients have a Python of their own (%session share)"


def snippet(endpoint: Endpoint, api_version: str, identifier: str, *, full: bool) -> str:
    """Code that enters the session, for Python and for a shell. It never holds a token.

    The identifier stands there shortened, unless ``full``.
    """
    name = printable(identifier if full else shorten(identifier))
    lines = ["# An agent's tool enters this session with:"]
    if not full:
        lines.append(f"# (identifier shortened: {_FULL} gives it in full)")
    if endpoint.is_loopback:
        provider = '\n    access_token_provider=lambda: os.environ["ACA_ACCESS_TOKEN"],'
        lines.append("import os")
        bearer = "$ACA_ACCESS_TOKEN"
    else:
        provider = ""  # it logs in by itself
        bearer = (
            "$(az account get-access-token --resource https://dynamicsessions.io"
            " --query accessToken --output tsv)"
        )
    lines += [
        "from langchain_azure_dynamic_sessions import SessionsPythonREPLTool",
        "",
        "tool = SessionsPythonREPLTool(",
        f"    pool_management_endpoint={endpoint.url!r},",
        f"    session_id={name!r},{provider}",
        ")",
        "",
        "# and any HTTP client with:",
    ]
    request = Api(api_version).execute(identifier, "6 * 7", timeout=60, output_limit=100_000)
    body = json.dumps(json.loads(request.body or b"{}"))
    given = quote(identifier, safe="") if full else name
    lines += [
        f"# curl '{endpoint.url}{request.path}?api-version={api_version}&identifier={given}' \\",
        f'#     -H "Authorization: Bearer {bearer}" -H "Content-Type: application/json" \\',
        f"#     -d '{body}'",
    ]
    return "\n".join(lines) + "\n"
