"""Which endpoints, identifiers and remote names are let through."""

from __future__ import annotations

import pytest

from aca_kernel.errors import ConfigurationError, TransferError
from aca_kernel.pool import (
    check_identifier,
    check_name,
    check_path,
    parse_endpoint,
    shorten,
)

POOL = (
    "https://eastus.dynamicsessions.io/subscriptions/0000-11/resourceGroups/my.rg_(1)"
    "/sessionPools/my-pool"
)


def test_endpoint_of_a_pool_gives_its_resource_id() -> None:
    endpoint = parse_endpoint(f"  {POOL}/ ")
    assert endpoint.url == POOL
    assert endpoint.host == "eastus.dynamicsessions.io"
    assert not endpoint.is_loopback
    assert endpoint.resource_id == (
        "/subscriptions/0000-11/resourceGroups/my.rg_(1)"
        "/providers/Microsoft.App/sessionPools/my-pool"
    )


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://127.9.9.9/x/y", "http://127.9.9.9/x/y"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("https://localhost:1", "https://localhost:1"),
        ("https://EASTUS.DynamicSessions.io/a%20b", "https://eastus.dynamicsessions.io/a%20b"),
        (
            "https://p.env.westus.azurecontainerapps.io",
            "https://p.env.westus.azurecontainerapps.io",
        ),
    ],
)
def test_accepted_endpoints(text: str, url: str) -> None:
    endpoint = parse_endpoint(text)
    assert endpoint.url == url
    assert endpoint.resource_id is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "eastus.dynamicsessions.io",
        "ftp://eastus.dynamicsessions.io",
        "http://eastus.dynamicsessions.io",
        "https://",
        "https://user:s3cret@eastus.dynamicsessions.io",
        "https://@eastus.dynamicsessions.io",
        "https://eastus.dynamicsessions.io?",
        "https://eastus.dynamicsessions.io/x?api-version=1",
        "https://eastus.dynamicsessions.io/x#y",
        "https://eastus.dynamicsessions.io:99999",
        "https://eastus.dynamicsessions.io.evil.example",
        "https://evildynamicsessions.io",
        "https://eastus.dynamicsessions.io.",
        "https://evil.example/.dynamicsessions.io",
        "https://evil.example\\.dynamicsessions.io",
        "https://a_b.dynamicsessions.io",
        "https://[::1.dynamicsessions.io",
        "https://10.0.0.1",
        "https://192.168.1.1/x",
        "https://169.254.169.254/metadata",
        "https://[fd00::1]",
        "https://2130706433",
        "https://0x7f.1",
        "http://[::ffff:127.0.0.1]",
        "http://[::1%25lo]",
        "http://127.1",
        "http://localhost.evil.example",
        "https://eastus.dynamicsessions.io//x",
        "https://eastus.dynamicsessions.io/x/../y",
        "https://eastus.dynamicsessions.io/x/%2e%2e/y",
        "https://eastus.dynamicsessions.io/x%2Fy",
        "https://eastus.dynamicsessions.io/x%0d%0aHost:y",
        "https://eastus.dynamicsessions.io/x y",
        "https://eastus.dynamicsessions.io/\nx",
        "https://eastus.dynamicsessions.io/\0",
        "https://eastus.dynamicsessions.io/subscriptions/a/resourceGroups/b/providers/"
        "Microsoft.App/sessionPools/c",
        "https://eastus.dynamicsess\u0131ons.io",
    ],
)
def test_refused_endpoints(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_endpoint(text)
    assert caught.value.left == "Nothing was sent."
    assert caught.value.remedy
    assert "s3cret" not in str(caught.value)


def test_suffix_of_ones_own() -> None:
    text = "https://pool.sessions.example"
    with pytest.raises(ConfigurationError, match="ACA_ENDPOINT_SUFFIXES"):
        parse_endpoint(text)
    for suffix in (".sessions.example", "sessions.example", "SESSIONS.example."):
        assert parse_endpoint(text, suffixes=[suffix]).host == "pool.sessions.example"


@pytest.mark.parametrize("suffix", ["", ".", "*", ".io", "*.sessions.example"])
def test_suffix_that_would_match_anything_is_refused(suffix: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_endpoint("https://evil.io", suffixes=[suffix])


@pytest.mark.parametrize(
    "identifier", ["abcd", "a" * 128, "a|b-c&d^e%f$g#h(i){j}[k];l<m>", "user:1/2.3"]
)
def test_accepted_identifiers(identifier: str) -> None:
    assert check_identifier(identifier) == identifier


@pytest.mark.parametrize(
    "identifier",
    ["", "abc", "a" * 129, "a space", "back\\slash", "é" * 8, "line\nfeed", "abcd\n"],
)
def test_refused_identifiers(identifier: str) -> None:
    with pytest.raises(ConfigurationError, match="identifier") as caught:
        check_identifier(identifier)
    assert len(identifier) < 4 or identifier not in str(caught.value)


def test_shown_identifier_is_never_the_whole() -> None:
    assert shorten("0123456789abcdef0123456789abcdef") == "0123456789…"
    assert shorten("aca-kernel-" + "0123456789" * 4) == "aca-kernel-01234…"
    assert shorten("abcdef") == "ab…"
    assert shorten("ab") == "…"


@pytest.mark.parametrize(
    "name",
    [
        "a.csv",
        "two words.txt",
        "-_ .@$&=;,#%^()",
        "한국어.txt",
        "naïve.md",
        "👩\u200d🔬.txt",
        ".env",
        "x" * 255,
    ],
)
def test_accepted_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "a\\b", "a:b", "a*b", 'a"b', "a<b", "a|b", "a+b", "a'b", "a\nb", "a\0b",
     "\x7f", "a\u202eb", "a\u2028b", "\ud800", "x" * 256, "한" * 86],
)  # fmt: skip
def test_refused_names(name: str) -> None:
    with pytest.raises(TransferError) as caught:
        check_name(name)
    assert str(caught.value).isascii()


@pytest.mark.parametrize("path", ["a.csv", "out/a.csv", "out/with space/a.csv", "자료/a.csv"])
def test_accepted_paths(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "/a", "a/", "//a", "a//b", "../a", "a/../b", "./a", "a/./b", ".hidden/a", "v1.2/a",
     "a\\b/c", "/mnt/data/a", "a\n/b", "a/.."],
)  # fmt: skip
def test_refused_paths(path: str) -> None:
    with pytest.raises(TransferError):
        check_path(path)
