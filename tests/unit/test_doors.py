"""Which plain calls are health checks, and how others are told to come in."""

from __future__ import annotations

import pytest

from aca_kernel.guest.plain_calls import is_probe
from aca_kernel.magics.connect import snippet
from aca_kernel.pool import API_VERSIONS, parse_endpoint, shorten

AZURE = parse_endpoint(
    "https://westeurope.dynamicsessions.io/subscriptions/s/resourceGroups/g/sessionPools/p"
)


@pytest.mark.parametrize(
    "code", ["1+1", " 1 + 1\n", "# a check\n1+1", "(2 ** 3) // 4 < 5", "-1", "True", "", " \n"]
)
def test_arithmetic_is_a_health_check(code: str) -> None:
    assert is_probe(code)


@pytest.mark.parametrize(
    "code",
    [
        "x",
        "1 + x",
        "f(1)",
        "'text'",
        "b'bytes'",
        "(1).real",
        "x = 1",
        "1; 2",
        "1+1\n%time x",
        "%time 1",
        "!ls",
        "[i for i in (1, 2)]",
        "lambda: 1",
        "print(1)",
        "1 +",
        "(" * 10_000,
        "\0",
    ],
)
def test_all_else_is_a_call(code: str) -> None:
    assert not is_probe(code)


@pytest.mark.parametrize("version", API_VERSIONS)
def test_the_way_in_is_shown_without_a_token_and_with_a_short_identifier(version: str) -> None:
    identifier = "an identifier that's $(secret) & long"
    text = snippet(AZURE, version, identifier, full=False)
    assert identifier not in text
    assert shorten(identifier) in text
    assert "az account get-access-token" in text
    assert "access_token_provider" not in text
    compile(text, "snippet", "exec")


def test_a_full_identifier_is_quoted_for_python_and_encoded_for_the_shell() -> None:
    identifier = "it's;$(reboot)&x=1"
    text = snippet(AZURE, "2025-10-02-preview", identifier, full=True)
    assert f"session_id={identifier!r}" in text
    curl = text[text.index("# curl") :]
    assert "identifier=it%27s%3B%24%28reboot%29%26x%3D1'" in curl
    assert "properties" not in curl
    assert '"properties"' in snippet(AZURE, "2024-02-02-preview", identifier, full=True)
