"""Commands that a user copies are harmless, whatever the names in them are."""

from __future__ import annotations

import base64
import json

import pytest

from aca_kernel.errors import Command, Step
from aca_kernel.outputs.guides import guide, guide_text
from aca_kernel.pool.auth import principal_of
from aca_kernel.pool.steps import UNKNOWN_POOL, pool_in, role_command, sign_in

PERSON = "0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e"


def token(payload: object) -> str:
    text = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    return f"x.{text}.y"


@pytest.mark.parametrize(
    "text",
    [
        "https://north.dynamicsessions.io/subscriptions/s/resourceGroups/g.1/sessionPools/p(2)",
        "/subscriptions/s/resourcegroups/g.1/providers/Microsoft.App/sessionPools/p(2)?x=1",
    ],
)
def test_names_are_taken_from_an_endpoint_or_a_resource_id(text: str) -> None:
    assert pool_in(text) == ("p(2)", "g.1")


@pytest.mark.parametrize("name", ["$(id)", "`id`", '"', "a;b", "a b", "--help", "a&b", "", "a'b"])
def test_names_that_a_shell_would_act_on_are_never_in_a_command(name: str) -> None:
    resource = f"/subscriptions/s/resourceGroups/g/providers/Microsoft.App/sessionPools/{name}"
    assert pool_in(resource) == UNKNOWN_POOL
    assert role_command(resource) == role_command(None)
    assert "--name POOL --resource-group GROUP" in role_command(resource)


def test_a_scope_that_a_shell_would_act_on_is_left_out() -> None:
    assert sign_in('https://x/"; id; "').commands == [Command(line="az login")]


@pytest.mark.parametrize(
    ("payload", "principal"),
    [
        ({"oid": PERSON.upper(), "scp": "user_impersonation"}, (PERSON, "User")),
        ({"oid": PERSON, "idtyp": "user"}, (PERSON, "User")),
        ({"oid": PERSON}, (PERSON, "ServicePrincipal")),
        ({"oid": f"{PERSON}\n; id"}, None),
        ({"oid": 5}, None),
        ({}, None),
        ([PERSON], None),
        ("oid", None),
    ],
)
def test_whose_token_it_is(payload: object, principal: tuple[str, str] | None) -> None:
    assert principal_of(token(payload)) == principal


@pytest.mark.parametrize("text", ["", "opaque", "a.b.c", "..", "a.b", "é.é.é"])
def test_a_token_that_does_not_tell_whose_it_is(text: str) -> None:
    assert principal_of(text) is None


def test_a_guide_is_text_and_never_markup() -> None:
    step = Step(text="<b>&", commands=[Command(line='<script>"&', terminal="<i>")])
    data = guide([step])["data"]
    assert "<script>" not in data["text/html"]
    assert "&lt;script&gt;" in data["text/html"]
    assert "<b>" not in data["text/html"]
    assert "<i>" not in data["text/html"]
    assert data["text/plain"] == guide_text([step])
    assert "1. <b>&\n   <i>:\n     <script>" in data["text/plain"]
