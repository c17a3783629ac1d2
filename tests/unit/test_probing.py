"""The pure part of doctor --probe: what a report may show, and how."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from aca_kernel.commands.probe import Probe
from aca_kernel.pool import PoolClient, TokenSource, parse_endpoint
from aca_kernel.probing.about_limits import sizes
from aca_kernel.probing.answered import brief
from aca_kernel.probing.bench import Bench
from aca_kernel.probing.catalogue import EXPERIMENTS, FILL, chosen, estimate
from aca_kernel.probing.masking import Mask, escape, region_of
from aca_kernel.probing.poolkind import kind_of

GUID = "0a1b2c3d-1111-2222-3333-444455556666"
TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.eyJzdWIiOiJzb21lYm9keSJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n\x1b[31mb\u202ec\x00", "a [31mb c"),
        (f"Bearer {TOKEN}", "Bearer [token]"),
        (f"{GUID} and {GUID.upper()}", "guid-1 and guid-1"),
        ("from 10.1.2.3 to 127.0.0.1", "from [address] to 127.0.0.1"),
        ("3.12.7, 1.26.4.0.1 and one==1.2.3.4", "3.12.7, 1.26.4.0.1 and one==1.2.3.4"),
        ("0123456789abcdef0123456789abcdef", "[hex]"),
        ("1" + "0" * 30, "1" + "0" * 30),
        ("westeurope.dynamicsessions.io refuses", "[host] refuses"),
        ("the SECRET-word", "the [hidden]"),
        ("in my-pool, in my-pools", "in [hidden], in my-pools"),
        ("x" * 1000, "x" * 399 + "…"),
    ],
)
def test_a_text_is_shown_without_what_it_may_hide(text: str, shown: str) -> None:
    assert Mask(["secret-word"], ["my-pool"]).text(text) == shown


def test_a_secret_that_a_bound_would_cut_is_not_shown_in_part() -> None:
    secret = "s3cr3t" * 20
    assert "s3cr3t" not in Mask([secret]).text("x" * 390 + secret)


def test_values_are_bounded_and_their_keys_are_masked_too() -> None:
    deep: object = "end"
    for _ in range(20):
        deep = {"secret-word": deep}
    shown = Mask(["secret-word"]).value({"deep": deep, "many": list(range(5000)), "nan": 1e999})
    assert "secret-word" not in str(shown)
    assert "end" not in str(shown)
    assert len(shown["many"]) == 1000
    assert shown["nan"] == "inf"


@pytest.mark.parametrize(
    "text",
    [
        "<b>x</b>",
        "[x](https://evil.example)",
        "![x](y)",
        "https://evil.example and www.evil.example",
        "# head",
        "- item",
        "1. item",
        "`code` *em* _em_ ~~s~~ | cell",
        "&lt;b&gt;",
    ],
)
def test_an_escaped_text_does_nothing_in_markdown(text: str) -> None:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(escape(text))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    inline = tokens[1].children or []
    assert {child.type for child in inline} <= {"text", "text_special"}
    assert "".join(child.content for child in inline).replace("\u200b", "") == text


@pytest.mark.parametrize("text", ["@everyone", "issue #12", "https://x", "www.x"])
def test_nothing_in_it_is_a_mention_or_an_address(text: str) -> None:
    assert text not in escape(text)


def test_of_a_real_pool_the_report_knows_the_region_alone(tmp_path: Path) -> None:
    url = (
        f"https://westeurope.dynamicsessions.io/subscriptions/{GUID}/resourceGroups/my-group"
        "/sessionPools/my-pool"
    )
    with PoolClient(parse_endpoint(url), TokenSource(token="given-token")) as client:
        bench = Bench(client, most_bytes=1)
        identifier = bench.session().identifier
        probe = Probe(output=tmp_path, force=False, max_megabytes=1, fill=0, only="")
        shown = probe._mask(client, bench).text(f"{url} given-token {identifier} {Path.home()}/x")
    for secret in (GUID, "my-group", "my-pool", "given-token", identifier, str(Path.home()) + "/"):
        assert secret not in shown
    assert region_of("westeurope.dynamicsessions.io", is_loopback=False) == "westeurope"
    assert region_of("127.0.0.1", is_loopback=True) == "a local pool"
    assert "pool" not in region_of("pool.env.region.azurecontainerapps.io", is_loopback=False)


def test_sizes_double_up_to_the_largest() -> None:
    assert list(sizes(100_000)) == [16384, 32768, 65536, 100_000]
    assert list(sizes(1)) == [1]


def test_questions_are_chosen_by_name_and_the_one_that_fills_the_pool_only_on_request() -> None:
    assert chosen("", fill=0) == list(EXPERIMENTS)
    assert chosen("", fill=3) == [*EXPERIMENTS, FILL]
    assert [one.name for one in chosen(" Link,hook ", fill=0)] == ["hook", "link"]
    with pytest.raises(KeyError):
        chosen("full pool", fill=0)
    one = estimate([FILL], most_bytes=1, fill=10)
    assert one.calls == 21
    assert one.least_seconds < one.most_seconds


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("HTTP 400 FileNameInvalid File name 'x' is bad.", "HTTP 400 FileNameInvalid"),
        ("HTTP 404 Not found", "HTTP 404"),
        ("Succeeded", "Succeeded"),
    ],
)
def test_of_a_refusal_the_answer_repeats_status_and_code(words: str, shown: str) -> None:
    assert brief(words) == shown


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": "Succeeded", "result": 42}, "PythonLTS"),
        ({"status": "Succeeded", "result": 84}, "NodeLTS"),
        ({"status": "0", "result": ""}, "Shell"),
        ({"status": "-1"}, "Shell"),
        ({"code": "SessionPropertiesMissing", "shell": "aca-kernel\n"}, "Shell"),
        ({"code": "SessionPropertiesMissing"}, ""),
        ({"code": "DynamicApisNotAllowed"}, "CustomContainer"),
        ({"status": "Failed"}, ""),
    ],
)
def test_the_kind_of_a_pool_is_told_from_its_answers(answer: dict[str, object], kind: str) -> None:
    assert kind_of(**answer) == kind  # type: ignore[arg-type]
