"""HTML of a session is shown in the page only when it is inert, and then as nh3 gives it back."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pandas
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from IPython.display import Audio, Image

from aca_kernel.outputs.html import MAX_LENGTH, inert
from aca_kernel.outputs.markup import MAX_DEPTH, TAGS
from aca_kernel.outputs.streams import bare

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
ATTRIBUTES = {
    *(
        "color",
        "face",
        "size",
        "align",
        "alt",
        "bgcolor",
        "border",
        "cellpadding",
        "cellspacing",
        "class",
        "colspan",
    ),
    *("controls", "dir", "frame", "halign", "height", "high", "lang", "low", "max", "min"),
    *("open", "optimum", "rowspan", "rules", "scope", "span", "src", "start", "style", "title"),
    *("type", "valign", "value", "width"),
}


class Seen(HTMLParser):
    """What a browser would find in HTML of the page itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attributes}))


def assert_inert(text: str) -> None:
    for tag, attributes in Seen(text).tags:
        assert tag in TAGS
        for name, value in attributes.items():
            assert name in ATTRIBUTES
            if name == "class":
                assert value == "dataframe"
            if name == "src":
                assert re.match(r"data:(image/(png|jpeg|gif|webp)|(audio|video)/[\w.+-]+);", value)
            if name == "style":
                assert not re.search(r"url|expression|@|\\|behavior|-moz-(?!osx)|-\d|var\(", value)
                assert not re.search(
                    r"(?<!-)position: (?!relative|static)|fixed|(?<![#.\d])\d{5}", value
                )


def shown(text: str) -> str:
    """The inert HTML, without the box around what might paint outside its own."""
    clean = inert(text)
    assert clean is not None
    assert_inert(clean.replace("contain: paint", ""))
    return re.sub(
        r'\A<div style="overflow-x: auto; contain: paint">(.*)</div>\Z', r"\1", clean, flags=re.S
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain text",
        "<b>bold</b> &lt;b&gt; &amp; <br>",
        "<p>one</p><p>two</p>",
        '<table class="dataframe"><tbody><tr><td colspan="2">1</td></tr></tbody></table>',
        '<span style="color: rgb(1, 2, 3); font-weight: bold">x</span>',
        f'<img src="data:image/png;base64,{PIXEL}" width="10">',
        "<details><summary>more</summary><pre>x</pre></details>",
        '<progress value="3" max="10"></progress>',
        "<ul><li>a<ul><li>b</li></ul></li></ul>",
        '<font color="red" size="4">x</font>',
    ],
)
def test_simple_html_stays_as_it_is(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ('<b id="x" name="y" data-z="1" aria-label="q">t</b>', "<b>t</b>"),
        ('<a href="javascript:alert(1)" target="_top">t</a>', "t"),
        ('<div class="jp-Cell dataframe evil">t</div>', '<div class="dataframe">t</div>'),
        ("<ul><li>a<li>b</ul>", "<ul><li>a</li><li>b</li></ul>"),
        ("<!-- note --><b>t</b>", "<b>t</b>"),
        ("<HTML><BODY><B>t</B></BODY></HTML>", "<b>t</b>"),
        ("<style scoped>.dataframe td { color: red; }</style><p>x</p>", "<p>x</p>"),
        ("a\x00<b\x00>x</b>", "a<b>x</b>"),
    ],
)
def test_what_does_not_change_the_look_goes_silently(text: str, clean: str) -> None:
    assert shown(bare(text)) == clean


HARMLESS_STYLES = [
    "color: #800000; text-decoration-color: #800000; font-weight: bold",
    "box-shadow: 0 2px 4px rgba(0,0,0,.2), inset 0 0 1px #333",
    "text-shadow: 1px 1px 2px black",
    "float: left; clear: both",
    "background: linear-gradient(90deg, #f00 0%, rgba(0,0,255,.5) 100%) no-repeat",
    "background-image: repeating-linear-gradient(45deg, red, blue 10px)",
    "width: 10em; background: linear-gradient(90deg, #d65f5f 33.33333333333333%, red 3.3%)",
    "display: grid; grid-template-columns: repeat(3, 1fr) minmax(100px, auto); grid-column: 2 / 3",
    "position: relative; cursor: pointer; box-sizing: border-box; user-select: none",
    "outline: 1px solid red; border-top-left-radius: 3px; font-feature-settings: 'tnum'",
    "list-style: none; object-fit: contain; aspect-ratio: 16 / 9; row-gap: 1em",
]


@pytest.mark.parametrize("style", HARMLESS_STYLES)
def test_styles_that_libraries_use_stay(style: str) -> None:
    html_style = style.replace('"', "&quot;")
    assert shown(f'<p style="{html_style}">x</p>') == f'<p style="{html_style}">x</p>'


HOSTILE_STYLES = [
    "box-shadow: 0 0 0 9999px red",
    "box-shadow: 0 0 100px red",
    "box-shadow: 0 0 99em red",
    "text-shadow: 500px 0 red",
    "outline: 999px solid red",
    "outline-offset: 100px",
    "background: linear-gradient(red, blue), url(1)",
    "background-image: linear-gradient(url(1), red)",
    "background-image: linear-gradient(red, image-set('x'))",
    "background-image: cross-fade(red, blue)",
    "background-attachment: fixed",
    "background: fixed red",
    "position: absolute",
    "position: relative; top: 10px",
    "position: relative; z-index: 1",
    "inset: 0",
    "float: left; margin-left: -99px",
    "cursor: none",
    "list-style: url(x)",
    "list-style-image: url(x)",
    "grid-template-columns: repeat(9999, 1px)",
    "grid-row: 9999",
    "width: calc(100px + 1px)",
    "mask: linear-gradient(red, blue)",
    "filter: blur(9px)",
    "animation: x 1s",
    "transition: all 1s",
    "content: 'x'",
    "clip-path: circle(5px)",
    "columns: 9999",
    "column-count: 9999",
    "width: \u0661\u0661px",
]


@pytest.mark.parametrize("style", HOSTILE_STYLES)
def test_styles_that_cover_or_move_or_load_are_for_the_frame(style: str) -> None:
    assert inert(f'<p style="{style}">x</p>') is None


@pytest.mark.parametrize(
    "style",
    [
        "background: linear-gradient(" + "#abcdefab" * 400,
        "background: linear-gradient(" + "rgb(1,2,3)" * 390 + "x(",
        "background: linear-gradient(" + "rgb(" * 900,
        "box-shadow: " + "0" * 3900 + "x",
        "grid-template-columns: " + "repeat(3, " * 390,
        "background: " + "linear-gradient(red)," * 180 + "url(1)",
    ],
)
def test_a_styles_time_is_linear(style: str) -> None:
    start = time.process_time()
    assert inert(f'<p style="{style}">x</p>' * 100) is None
    assert time.process_time() - start < 1


HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=x></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<img/src=x/onerror=alert(1)>",
    '<img src="/api/contents">',
    '<img src="x">',
    '<img src="//evil.example/x.png">',
    '<img src="data:image/svg+xml;base64,PHN2Zz4=">',
    '<img src="data:text/html,x">',
    '<img src=" data:image/png;base64,AA==" srcset="http://evil.example/x">',
    '<img src="data:image/png,x">',
    "<b onclick=alert(1)>x</b>",
    '<b OnClick="x">x</b>',
    "<body onload=alert(1)>x</body>",
    "<details open ontoggle=alert(1)>x</details>",
    "<audio src=x onerror=alert(1)></audio>",
    '<audio src="http://evil.example/x.mp3"></audio>',
    '<video poster="http://evil.example/x"></video>',
    "<svg onload=alert(1)></svg>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<form action=/api/x><button>x</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<button popovertarget=x>y</button>",
    '<meta http-equiv="refresh" content="0;url=http://evil.example">',
    "<base href=http://evil.example>",
    "<link rel=stylesheet href=x>",
    "<style>p{position:fixed}</style><p>x</p>",
    "<style>.dataframe{} @import 'x';</style><p>x</p>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=x></object>",
    "<embed src=x>",
    "<template><b>x</b></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<textarea></textarea><img src=x onerror=alert(1)>",
    "<xmp><b></xmp>",
    "<plaintext>",
    "<title></title><x>",
    '<p style="position: fixed; top: 0">x</p>',
    '<p style="background: url(http://evil.example)">x</p>',
    '<p style="background: \\75rl(http://evil.example)">x</p>',
    '<p style="width: expression(alert(1))">x</p>',
    '<p style="margin-top: -500px">x</p>',
    '<p style="width: 99999999px">x</p>',
    '<p style="color: var(--jp-x)">x</p>',
    '<p style="transform: scale(100)">x</p>',
    '<p style="z-index: 9999">x</p>',
    "<p style=\"background-image: image-set('x')\">x</p>",
    '<p style="cursor: url(x), auto">x</p>',
    "<p style=\"font-family: 'a;b'\">x</p>",
    '<p style="color: red/**/;">x</p>',
    '<p style="color: red !important; top: 0 !important">x</p>',
    "<p title='&#" + "1" * 5000 + ";'>x</p>",
    "<p contenteditable>x</p>",
    "<p accesskey=x>x</p>",
    "<p is=x-y>x</p>",
    "<b slot=x>x</b>",
    "<x-evil>x</x-evil>",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!-- unclosed",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?php x ?>",
    "<b title='x",
    "<b",
    "a < b",
    "</",
    "</>",
    "<b></i>",
    "<b><p></b></p>",
    "<b>",
    "<table><b>x</b></table>",
    "<table>x<tr><td>y</td></tr></table>",
    "<td>x</td>",
    "<<style>.dataframe{}</style>script>alert(1)</script>",
    '<div style="color:red" style="position:fixed">x</div>',
    "<audio controls autoplay src='data:text/html;base64,AA=='></audio>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_anything_else_is_for_the_frame(text: str) -> None:
    assert inert(text) is None


@pytest.mark.parametrize("text", ["$\\href{javascript:alert(1)}{x}$", "$\\h<!-- -->ref{a}{b}$"])
def test_a_formula_cannot_make_a_link(text: str) -> None:
    clean = inert(text)
    assert clean is not None
    assert "\\href" not in clean


def test_a_path_of_windows_stays_as_it_is() -> None:
    assert inert("C:\\data\\url\\style") == "C:\\data\\url\\style"


def test_a_pandas_table_stays_in_the_page() -> None:
    frame = pandas.DataFrame({"a": [1, 2], "b<script>": ["<b>", "x & y"]})
    clean = shown(frame._repr_html_())
    assert 'class="dataframe"' in clean
    assert "b&lt;script&gt;" in clean
    assert "<style" not in clean
    assert inert(frame.style._repr_html_()) is None  # its style sheet needs a frame


def test_sound_and_pictures_with_their_data_stay_in_the_page() -> None:
    audio = shown(Audio(data=[0, 1, 0, -1], rate=8000)._repr_html_())
    assert 'src="data:audio/wav;base64,' in audio
    assert "controls" in audio
    assert inert(Image(url="http://evil.example/x.png")._repr_html_()) is None


def test_too_long_or_too_deep_is_not_parsed() -> None:
    assert inert("x" * MAX_LENGTH) is not None
    assert inert("x" * (MAX_LENGTH + 1)) is None
    deep = MAX_DEPTH
    assert inert("<div>" * deep + "</div>" * deep) is not None
    assert inert("<div>" * (deep + 1) + "</div>" * (deep + 1)) is None


@pytest.mark.parametrize(
    "text",
    [
        "<div>" * 200_000,
        "<" * 10**6,
        "</" * 500_000,
        "<!--" * 250_000,
        "<!-- " + "- " * 500_000,
        "<b " + "a=1 " * 10**6 + ">",
        "<b " + " " * 10**6,
        "<b a" + " " * 10**6 + "=",
        "&" * 10**6,
        "&" * 99_999,
        "<b></b>" * 150_000,
        "<p>" * 300_000,
        "<b>" * 250 + "<p>" * 300_000,
        "<table>" + "<b>x</b>" * 100_000 + "</table>",
        "<style>" * 140_000,
        '<p style="' + "a:b;" * 250_000 + '">',
        ("<p style='color: a" + " " * 1900 + "b'>x</p>") * 1000,
        "<p title='&#" + "1" * 10**6 + ";'>x</p>",
        '<p style="color: ' + "1234" * 400 + '">x</p>' * 100,
    ],
)
def test_time_is_bounded_for_any_text(text: str) -> None:
    start = time.process_time()
    inert(text)
    assert time.process_time() - start < 2


PIECES = [
    *("<b>", "</b>", "<p>", "</p>", "<table>", "<tr>", "<td>", "</td></tr></table>", "<div ", ">"),
    *("<a href=", "javascript:x", "<img src=", "data:image/png;base64,AA==", "'", '"', "=", " "),
    *("onclick=x", "id=x", "style=", "color: red", "position:fixed", "<script>", "</script>", "<"),
    *("<svg>", "<math>", "<style>", "</style>", "<!--", "-->", "&lt;", "&#x3c;", "&quot;", "/"),
    *("<form>", "<select>", "<noscript>", "<textarea>", "</textarea>", "x", "\n", "\x0c", "`"),
    *(
        "<pre>",
        "</pre>",
        "<ul><li>",
        "</ul>",
        "$\\href{",
        "}",
        "\\",
        "url(",
        ")",
        ";",
        "--!>",
        "]]>",
    ),
]


@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_no_mix_of_pieces_is_shown_unless_inert(pieces: list[str]) -> None:
    clean = inert("".join(pieces))
    if clean is not None:
        assert_inert(clean.replace("contain: paint", ""))


@given(st.text())
@example("<BR>")
@example("<P>")
def test_any_text_is_judged(text: str) -> None:
    clean = inert(text)
    if clean is not None:
        assert_inert(clean.replace("contain: paint", ""))
