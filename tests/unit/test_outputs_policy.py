"""What a notebook gets of what a session sends, by policy; no input makes it fail."""

from __future__ import annotations

import base64
import io
import json
import math
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter
from IPython.display import SVG, Audio, Latex, Markdown, Math
from PIL import Image

from aca_kernel.outputs.policy import MESSAGE_TYPES, OutputPolicy

from .test_outputs_frames import content_of, twin_in
from .test_outputs_html import HOSTILE, PIXEL, assert_inert

VEGA = "application/vnd.vega.v5+json"


def data_of(data: Any, metadata: Any = None, policy: str = "isolated") -> dict[str, Any]:
    content = {"data": data, "metadata": metadata or {}}
    ((_, shown),) = OutputPolicy(policy).message("display_data", content, {})
    return dict(shown["data"])


def picture(kind: str, size: tuple[int, int] = (3, 2)) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, format=kind)
    return base64.b64encode(buffer.getvalue()).decode()


def mimebundle(thing: Any) -> dict[str, Any]:
    formatter = DisplayFormatter()
    data, _ = formatter.format(thing)
    return dict(data)


# What is shown


def test_text_and_a_table_are_shown() -> None:
    shown = data_of({"text/plain": "a\x1b[2J", "text/html": "<b>a</b>"})
    assert shown == {"text/plain": "a", "text/html": "<b>a</b>"}


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp"])
def test_pictures_are_shown_with_their_size(kind: str) -> None:
    mime, data = f"image/{kind}", picture(kind)
    content = {
        "data": {mime: data[:20] + "\n" + data[20:], "text/plain": "<Figure>"},
        "metadata": {mime: {"width": 30, "height": 20.5, "onload": "x"}, "isolated": True},
    }
    ((_, shown),) = OutputPolicy("isolated").message("display_data", content, {"isolated": True})
    assert shown["data"] == {mime: data, "text/plain": "<Figure>"}
    assert shown["metadata"] == {mime: {"width": 30, "height": 20}}


@pytest.mark.parametrize("width", [0, -1, 10**9, math.nan, math.inf, True, "30", None, [1]])
def test_a_size_out_of_range_is_dropped(width: Any) -> None:
    content = {"data": {"image/png": PIXEL}, "metadata": {"image/png": {"width": width}}}
    ((_, shown),) = OutputPolicy("isolated").message("display_data", content, {})
    assert shown["metadata"] == {}


def test_formulas_svg_and_sound_of_ipython_are_shown() -> None:
    assert data_of(mimebundle(Math("a^2")))["text/latex"] == "$\\displaystyle a^2$"
    assert data_of(mimebundle(Latex("$a<b$")))["text/latex"] == "$a< b$"
    assert "<strong>b</strong>" in data_of(mimebundle(Markdown("**b**")))["text/html"]
    assert "<audio" in data_of(mimebundle(Audio(data=[0.0, 0.5], rate=8000)))["text/html"]
    svg = data_of(mimebundle(SVG("<svg width='9' height='9'><circle r='4'/></svg>")))
    assert set(svg) == {"text/html", "text/plain"}  # an SVG would need Inkscape, see svg.py
    source = svg["text/html"].split("base64,")[1].split('"')[0]
    assert b'xmlns="http://www.w3.org/2000/svg"' in base64.b64decode(source)


def test_json_is_shown_and_made_sendable() -> None:
    value = {"a": [1, math.nan, None, "\ud800"], "b": {"c": True}}
    shown = data_of({"application/json": value})["application/json"]
    assert shown == {"a": [1, None, None, "\ufffd"], "b": {"c": True}}


def test_an_empty_display_stays_for_its_update() -> None:
    content = {"data": {}, "metadata": {}, "transient": {"display_id": "x"}}
    ((_, shown),) = OutputPolicy("isolated").message("display_data", content, {})
    assert shown["data"] == {}
    assert shown["transient"]


# What is not


def is_a_notice(shown: dict[str, Any]) -> bool:
    """Whether there is only what tells that something is not shown, in our look and as text."""
    return (
        set(shown) == {"text/plain", "text/html"}
        and "[aca-kernel]" in shown["text/plain"]
        and shown["text/html"].endswith("</details>")
        and "alert(1)" not in shown["text/html"]
    )


@pytest.mark.parametrize(
    "mime",
    [
        *("application/javascript", "text/javascript", "application/ecmascript", VEGA),
        *("application/vnd.vegalite.v5+json", "application/vnd.plotly.v1+json", "text/vnd.mermaid"),
        *("application/vnd.jupyter.widget-view+json", "application/vnd.bokehjs_exec.v0+json"),
        *("application/vnd.jupyter.error", "application/xhtml+xml", "application/xml", "text/xml"),
        *("application/pdf", "application/x-nteract", "application/geo+json", "text/css"),
        *("image/svg", "image/bmp", "image/x-icon", "text/x-markdown", "model/gltf+json"),
        *(
            "APPLICATION/JavaScript",
            " application/javascript ; v=1",
            "",
            "x",
            "text/ht\nml",
            "\x00",
        ),
    ],
)
def test_other_mime_types_leave_their_twin_and_a_reason(mime: str) -> None:
    shown = data_of({mime: "alert(1)", "text/plain": "twin"})
    assert is_a_notice(shown)
    assert '<pre style="white-space: pre-wrap">twin</pre>' in shown["text/html"]
    twin, reason = shown["text/plain"].split("\n")
    assert twin == "twin"
    assert "not shown: output_policy is isolated. " in reason
    assert "not shown" in data_of({mime: {}})["text/plain"]


def test_a_reason_is_not_given_when_something_better_is_shown() -> None:
    shown = data_of({VEGA: {}, "image/png": PIXEL, "text/plain": "chart"})
    assert shown == {"image/png": PIXEL, "text/plain": "chart"}


def test_the_place_of_a_script_that_is_dropped_says_so() -> None:
    shown = data_of({"text/html": "<div id='plot'></div>", "application/javascript": "x"})
    assert is_a_notice(shown)
    assert data_of({"text/html": "<style>.container{width:100%}</style>"}) == {"text/html": ""}


@pytest.mark.parametrize("mime", ["TEXT/HTML", "text/html; charset=utf-8", " text/html"])
@pytest.mark.parametrize("html", HOSTILE)
def test_html_under_any_spelling_is_judged(mime: str, html: str) -> None:
    shown = data_of({mime: html, "text/plain": "twin"})
    assert set(shown) <= {"text/html", "text/plain"}
    assert_safe(shown)


RED_SVG = '<svg width="10" height="10"><rect width="10" height="10" fill="red"/></svg>'


@pytest.mark.parametrize(
    "before",
    ["", " \n", '<?xml version="1.0"?>\n', "<!DOCTYPE svg PUBLIC '-//W3C//DTD'\n 'http://x'>"],
)
def test_html_that_is_one_svg_is_a_picture(before: str) -> None:
    shown = data_of({"text/html": before + RED_SVG + "\n"})
    assert shown["text/html"].startswith('<img style="max-width: 100%" src="data:image/svg+xml')
    assert_safe(shown)


@pytest.mark.parametrize(
    "text",
    [
        RED_SVG + RED_SVG,
        RED_SVG.replace("/>", ">"),
        RED_SVG.replace('"10"', "10"),
        RED_SVG.replace("<rect", "<script>1</script><rect"),
        RED_SVG.replace("<rect", "<rect onclick='x()'"),
        RED_SVG.replace("<rect", "<x:a/><rect"),
        "<p>a</p>" + RED_SVG,
        "<!DOCTYPE svg [<!ENTITY x 'y'>]>" + RED_SVG,
    ],
)
def test_other_html_with_an_svg_has_a_frame(text: str) -> None:
    shown = data_of({"text/html": text})
    assert "<iframe" in shown["text/html"]
    assert_safe(shown)


def test_a_colour_without_text_is_something_to_see() -> None:
    text = '<div style="background: linear-gradient(90deg, red, blue); height: 20px"></div>'
    assert "linear-gradient" in data_of({"text/html": text})["text/html"]


def test_html_with_parts_from_elsewhere_says_what_to_do() -> None:
    shown = data_of({"text/html": "<script src='//cdn.example/x.js'></script>", "text/plain": "m"})
    assert is_a_notice(shown)
    assert "loads parts from the network" in shown["text/plain"]


@pytest.mark.parametrize(
    ("mime", "data"),
    [
        ("image/png", "<script>"),
        ("image/png", base64.b64encode(b"<svg onload=alert(1)>").decode()),
        ("image/png", picture("gif")),
        ("image/jpeg", PIXEL),
        ("image/png", {"a": 1}),
        ("image/png", PIXEL[:40]),
        ("image/svg+xml", "no svg"),
        ("image/svg+xml", '<!DOCTYPE svg [<!ENTITY a "b">]><svg></svg>'),
        ("image/svg+xml", None),
        ("text/latex", "$\\href{javascript:alert(1)}{x}$"),
        ("text/latex", "$" + "x" * 10**5 + "$"),
        ("text/latex", 5),
        ("text/markdown", {"a": 1}),
        ("text/html", ["a", 1]),
        ("application/json", [[[[[[]]]]]] * 50_000),
    ],
)
def test_what_is_not_what_its_type_says_is_not_shown(mime: str, data: Any) -> None:
    shown = data_of({mime: data, "text/plain": "twin"})
    assert is_a_notice(shown)
    assert "[aca-kernel]" in shown["text/plain"]


def test_a_bomb_of_pixels_is_refused() -> None:
    header = bytearray(base64.b64decode(PIXEL))
    header[16:24] = (100_000).to_bytes(4, "big") * 2
    assert is_a_notice(data_of({"image/png": base64.b64encode(header).decode()}))


def test_a_script_of_an_svg_is_only_in_a_picture() -> None:
    shown = data_of({"image/svg+xml": "<svg onload='alert(1)'><script>alert(1)</script></svg>"})
    assert "script" not in shown["text/html"]
    assert shown["text/html"].startswith("<img ")


def test_deep_json_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(900):
        deep = [deep]
    assert is_a_notice(data_of({"application/json": deep}))


# Messages


@pytest.mark.parametrize("policy", ["isolated", "trusted", "text"])
@pytest.mark.parametrize(
    "msg_type", ["status", "execute_input", "shutdown_reply", "input_request", "", "x"]
)
def test_other_message_types_never_come_out(policy: str, msg_type: str) -> None:
    assert OutputPolicy(policy).message(msg_type, {"execution_state": "idle"}, {}) == []


@pytest.mark.parametrize("msg_type", ["comm_open", "comm_msg", "comm_close"])
def test_what_widgets_say_comes_out_of_a_trusted_session_alone(msg_type: str) -> None:
    content = {"comm_id": "x"}
    for policy in ("isolated", "text"):
        assert OutputPolicy(policy).message(msg_type, content, {}) == []
    assert OutputPolicy("trusted").message(msg_type, content, {}) == [(msg_type, content)]


def test_clear_output_says_only_whether_to_wait() -> None:
    policy = OutputPolicy("isolated")
    assert policy.message("clear_output", {"wait": True, "x": 1}, {}) == [
        ("clear_output", {"wait": True})
    ]
    assert policy.message("clear_output", {"wait": "yes"}, {}) == [
        ("clear_output", {"wait": False})
    ]


def test_a_stream_is_stdout_or_stderr() -> None:
    policy = OutputPolicy("isolated")
    assert policy.message("stream", {"name": "stderr", "text": "x\x1b]0;t"}, {}) == [
        ("stream", {"name": "stderr", "text": "x"})
    ]
    assert policy.message("stream", {"name": "stderr", "text": "\x07y"}, {}) == [
        ("stream", {"name": "stderr", "text": "y"})
    ]
    assert policy.message("stream", {"name": "stdin", "text": "x"}, {}) == []
    assert policy.message("stream", {"name": ["stdout"], "text": "x"}, {}) == []


def test_a_result_keeps_its_number() -> None:
    content = {"data": {"text/plain": "1"}, "metadata": {}, "execution_count": 7}
    ((_, shown),) = OutputPolicy("isolated").message("execute_result", content, {})
    assert shown["execution_count"] == 7


def test_a_display_id_is_the_sessions_own() -> None:
    def named(scope: str, display_id: Any, msg_type: str = "display_data") -> Any:
        content = {"data": {}, "transient": {"display_id": display_id, "x": 1}}
        sent = OutputPolicy("isolated", scope=scope).message(msg_type, content, {})
        return sent[0][1]["transient"] if sent else None

    first = named("s1", "status")
    assert list(first) == ["display_id"]
    assert first == named("s1", "status", "update_display_data")
    assert first != named("s2", "status")
    assert len(named("s1", "x" * 10**6 + "\ud800")["display_id"]) < 100
    for odd in (None, "", 5, ["x"]):
        assert named("s1", odd) == {}
        assert named("s1", odd, "update_display_data") is None


def test_an_error_is_text() -> None:
    ename, evalue, traceback = OutputPolicy("isolated").error(
        "Value\x1b]0;t\x07Err\nor" + "x" * 10**6,
        "\x1b[31mbad\x1b[0m\x1b[2J",
        ["\x1b[31mred\x9d", 5],
    )
    assert ename.startswith("ValueErr or")
    assert len(ename) < 300
    assert evalue == "bad"
    assert traceback == ["\x1b[31mred"]
    assert OutputPolicy("isolated").error(None, {}, "text") == ("Error", "", [])
    long = OutputPolicy("isolated").error("E", "x" * 10**7, ["y" * 10**7] * 3)
    assert len(json.dumps(long)) < 5 * 10**6


def test_payloads_that_act_on_the_front_end_are_dropped() -> None:
    policy = OutputPolicy("isolated")
    kept = policy.payload(
        [
            {"source": "page", "start": 5, "data": {"text/html": "<img src=x onerror=alert(1)>"}},
            {"source": "page", "data": {"text/plain": "help\x1b[2J", "text/html": "<b>h</b>"}},
            {"source": "set_next_input", "text": "evil()", "replace": True},
            {"source": "set_next_input", "text": "x = 1\x1b[31m", "replace": False},
            {"source": "edit_magic", "filename": "/etc/passwd"},
            {"source": "edit", "filename": "x"},
            {"source": "ask_exit", "keepkernel": False},
            {"source": ["page"]},
            "page",
        ]
    )
    assert kept == [
        {"source": "page", "data": {"text/plain": "help", "text/html": "<b>h</b>"}, "start": 0},
        {"source": "set_next_input", "text": "x = 1", "replace": False},
    ]
    for magic in ("%upload secret.txt", "x=1\n  %upload y", "x = %upload y", "%%bash\nx", "a\r%b"):
        assert policy.payload([{"source": "set_next_input", "text": magic}]) == []
    assert policy.payload({"source": "page"}) == []  # type: ignore[arg-type]


def test_a_long_text_for_the_next_cell_takes_little_time() -> None:
    start = time.process_time()
    for text in ("\n" * 10**6, "\r" * 10**6, " " * 10**6, "= " * 500_000, "=\u2028" * 500_000):
        OutputPolicy("isolated").payload([{"source": "set_next_input", "text": text}])
    assert time.process_time() - start < 2


def test_answers_to_expressions_are_judged() -> None:
    answers = OutputPolicy("isolated").user_expressions(
        {
            "a": {
                "status": "ok",
                "data": {"text/html": "<b>x</b>", VEGA: {}},
                "metadata": {"x": 1},
            },
            "b": {"status": "error", "ename": "E\x07", "evalue": "v", "traceback": ["t"], "x": 1},
            "c": 5,
        }
    )
    assert answers["a"] == {"status": "ok", "data": {"text/html": "<b>x</b>"}, "metadata": {}}
    assert answers["b"] == {"status": "error", "ename": "E", "evalue": "v", "traceback": ["t"]}
    assert answers["c"]["status"] == "error"


def test_an_inspection_is_plain_text() -> None:
    data = {"text/plain": "doc\x1b[2J", "text/html": "<b>x</b>", VEGA: {}}
    assert OutputPolicy.inspection(data) == {"text/plain": "doc"}
    assert OutputPolicy.inspection({"text/html": "x"}) == OutputPolicy.inspection([5]) == {}


# The other policies


def test_text_shows_text_alone() -> None:
    content = {"text/plain": "t\x07", "text/html": "<b>x</b>", "image/png": PIXEL}
    assert data_of(content, policy="text") == {"text/plain": "t"}
    assert "output_policy is text" in data_of({"text/html": "x"}, policy="text")["text/plain"]
    policy = OutputPolicy("text")
    page = {"source": "page", "data": {"text/html": "<b>x</b>", "text/plain": "p"}}
    assert policy.payload([page])[0]["data"] == {"text/plain": "p"}
    assert policy.payload([{"source": "set_next_input", "text": "x"}]) == []


def test_trusted_changes_nothing() -> None:
    policy = OutputPolicy("trusted", scope="s")
    content = {
        "data": {"text/html": "<p>x</p><script>1</script>", VEGA: {"a": 1}},
        "metadata": {"isolated": True},
        "transient": {"display_id": "x"},
    }
    assert policy.message("display_data", content, {}) == [("display_data", content)]
    payload = [{"source": "set_next_input", "text": "x", "replace": True}]
    assert policy.payload(payload) == payload
    assert policy.error("E\x07", "v", ["t\x07"]) == ("E\x07", "v", ["t\x07"])
    assert policy.error("E", "v", None) == ("E", "v", [])


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="isolated, trusted, text"):
        OutputPolicy("Isolated")


# Limits


def test_much_ordinary_output_passes() -> None:
    policy = OutputPolicy("isolated")
    big = base64.b64encode(bytes(15 * 2**20)).decode()
    html = f"<p>x</p><script>/*{big}*/</script>"
    ((_, shown),) = policy.message("display_data", {"data": {"text/html": html}}, {})
    assert len(shown["data"]["text/html"]) > 20 * 10**6
    line = {"name": "stdout", "text": "line of text\n" * 800_000}
    ((kind, shown),) = policy.message("stream", line, {})
    assert (kind, shown) == ("stream", line)
    short = {"name": "stdout", "text": "x\n"}
    assert all(len(policy.message("stream", short, {})) == 1 for _ in range(20_000))
    display = {"data": {"text/plain": "x", "text/html": "<b>x</b>"}}
    assert all(
        "text/html" in policy.message("display_data", display, {})[0][1]["data"]
        for _ in range(3_000)
    )


def complaints(messages: Iterator[tuple[str, dict[str, Any]]]) -> list[str]:
    texts = [content["data"]["text/plain"] for kind, content in messages if kind != "stream"]
    return [text for text in texts if text.startswith("[aca-kernel] Output was cut")]


def test_text_without_end_is_cut_with_one_notice() -> None:
    policy = OutputPolicy("isolated")
    message = {"name": "stdout", "text": "x" * 30 * 2**20}
    sent = [item for _ in range(6) for item in policy.message("stream", message, {})]
    size = sum(len(content["text"]) for kind, content in sent if kind == "stream")
    assert size == pytest.approx(100 * 2**20, rel=0.01)
    assert len(complaints(iter(sent))) == 1
    error = {"ename": "E", "evalue": "v", "traceback": []}
    assert policy.message("error", error, {})[0][0] == "error"


def test_displays_without_end_are_cut_with_one_notice() -> None:
    policy = OutputPolicy("isolated")
    display = {"data": {"text/plain": "x"}}
    sent = [item for _ in range(11_000) for item in policy.message("display_data", display, {})]
    assert len(sent) == 10_001
    assert len(complaints(iter(sent))) == 1
    policy.message("clear_output", {"wait": False}, {})
    assert len(policy.message("display_data", display, {})) == 1


def test_updates_may_go_on() -> None:
    policy = OutputPolicy("isolated")
    update = {"data": {"text/plain": "x" * 1000}, "transient": {"display_id": "x"}}
    assert all(policy.message("update_display_data", update, {}) for _ in range(12_000))


def test_a_display_beyond_the_limit_says_so() -> None:
    shown = data_of({"text/html": "x" * (65 * 2**20)})
    assert "more than 64 MB" in shown["text/plain"]


def test_frames_without_end_become_text() -> None:
    policy = OutputPolicy("isolated")
    display = {"data": {"text/html": "<p>x</p><script>1</script>", "text/plain": "x"}}
    shown = [policy.message("display_data", display, {})[0][1]["data"] for _ in range(300)]
    assert sum("<iframe" in data["text/html"] for data in shown) == 200
    assert "too many frames" in shown[-1]["text/plain"]


def test_a_frame_may_be_updated_without_end() -> None:
    policy = OutputPolicy("isolated")
    for _ in range(500):
        update = {
            "data": {"text/html": "<p>x</p><script>1</script>"},
            "transient": {"display_id": "x"},
        }
        ((_, shown),) = policy.message("update_display_data", update, {})
        assert "<iframe" in shown["data"]["text/html"]


def test_much_output_takes_little_time() -> None:
    policy = OutputPolicy("isolated")
    figure = {"data": {"image/png": picture("png", (640, 480)), "text/plain": "<Figure>"}}
    text = {"name": "stdout", "text": "\x1b[32mline\x1b[0m of text\n" * 4000}
    policy.message("display_data", figure, {})
    start = time.process_time()
    for _ in range(200):
        policy.message("display_data", figure, {})
    for _ in range(100):
        policy.message("stream", text, {})
    assert time.process_time() - start < 1.5


# Anything at all

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner),
    max_leaves=12,
)
MIMES = st.sampled_from(
    [
        *("text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/svg+xml"),
        *("application/json", "application/javascript", VEGA, "TEXT/HTML; x=1", "", "image/gif"),
    ]
)
VALUES = JSON | st.sampled_from([*HOSTILE, PIXEL, "<b>x</b>", "<svg></svg>", "$x$"])
BUNDLES = st.dictionaries(MIMES, VALUES, max_size=5) | JSON
CONTENTS = (
    st.fixed_dictionaries(
        {},
        optional={
            **{"data": BUNDLES, "metadata": JSON, "transient": JSON, "name": VALUES, "text": JSON},
            **{"wait": JSON, "ename": JSON, "evalue": JSON, "traceback": JSON, "source": VALUES},
            **{
                "execution_count": JSON,
                "replace": JSON,
                "status": st.sampled_from(["ok", "error"]),
            },
        },
    )
    | JSON
)


def assert_safe(data: dict[str, Any]) -> None:
    """``data`` has known types only; its HTML is inert, an SVG as a picture, or a frame."""
    assert set(data) <= {
        *("text/plain", "text/html", "text/latex", "application/json"),
        *("image/png", "image/jpeg", "image/gif", "image/webp"),
    }
    html = data.get("text/html", "")
    if html.startswith('<img style="max-width: 100%" src="data:image/svg+xml;base64,'):
        assert html.count("<") == 1
    elif "<iframe" in html:
        content_of(html)
        assert_inert(twin_in(html).replace("contain: paint", ""))
    else:
        assert_inert(html.replace("contain: paint", ""))
    json.dumps(data, allow_nan=False).encode("utf-8")


@settings(max_examples=300)
@given(st.sampled_from(sorted(MESSAGE_TYPES)) | JSON, CONTENTS, JSON)
def test_no_message_of_any_shape_gets_through_or_fails(
    msg_type: Any, content: Any, metadata: Any
) -> None:
    for kind, shown in OutputPolicy("isolated", scope="s").message(msg_type, content, metadata):
        assert kind in MESSAGE_TYPES
        assert "An output was refused" not in str(shown)  # that net should never be needed
        if "data" in shown:
            assert set(shown) <= {"data", "metadata", "transient", "execution_count"}
            assert_safe(shown["data"])
        json.dumps(shown, allow_nan=False).encode("utf-8")
    for name in ("text", "trusted"):
        OutputPolicy(name).message(msg_type, content, metadata)


@given(JSON | st.lists(CONTENTS, max_size=3), CONTENTS)
def test_no_reply_of_any_shape_fails(payload: Any, fields: Any) -> None:
    for name in ("isolated", "text", "trusted"):
        policy = OutputPolicy(name)
        policy.payload(payload)
        policy.user_expressions(fields)
        policy.error(payload, fields, payload)
        policy.inspection(fields)
    for item in OutputPolicy("isolated").payload(payload):
        assert_safe(item.get("data", {}))
