"""What a script in a frame can do, and what it cannot, in Chromium."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Literal

import pandas
import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from aca_kernel.outputs.frames import framed
from aca_kernel.outputs.twins import twin_of


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Give a page of a browser as it has just been installed."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def shown(page: Page, text: str, end: str = "") -> FrameLocator:
    """What the inner frame makes of HTML from a session."""
    page.set_content(framed(text + end, twin_of(text)))
    return page.frame_locator("iframe").frame_locator("iframe")


@pytest.mark.parametrize(
    "script",
    [
        "const frames=[1,2];let s=0;for(let i=0;i<frames.length;i++)s+=frames[i];o.textContent=s",
        "const object={n:3};let i=0;while(i<object.n)i++;o.textContent=i",
        "const object=6;let i=0;while(i<object /2)i++;o.textContent=i",
        "o.textContent='<iframe >'.length-6",
        "o.innerHTML='<b>'+'a<frames.length'.replace(/.*/,'3')+'</b>'",
        "o.innerHTML='3<i title=\"a<frames.length\"></i>';o.lastChild.title[1]=='<'||o.append('?')",
    ],
)
def test_a_script_runs_as_it_was_written(page: Page, script: str) -> None:
    expect(shown(page, f"<p id=o></p><script>{script}</script>").locator("#o")).to_have_text(
        "3", timeout=10_000
    )


TABLE = pandas.DataFrame({"city": ["Oslo", "Lima", "Pune"], "people": [1, 2, 3]})


@pytest.mark.parametrize(
    "text",
    [
        TABLE.style.highlight_max()._repr_html_(),
        pandas.concat([TABLE] * 8).reset_index().style.bar()._repr_html_(),
        TABLE.style.set_caption("Cities")
        .set_table_styles([{"selector": "td", "props": "padding: 9px"}])
        ._repr_html_(),
        "<style>b{}</style><table>" + "<tr><td>a<br>b<td>c" * 9 + "</table>",
        "<style>b{}</style><h2>Title</h2><p>Text</p><ul>" + "<li>a" * 9 + "</ul>",
        "<p id=o></p><script>o.textContent = 3</script>",
        "<style>b{}</style><details><summary>more</summary>" + "<p>x</p>" * 50 + "</details>",
        "<style>b{}</style><p>" + "word " * 400 + "</p>",
        "<button>press</button>",
        "<svg width=100 height=300></svg>",
    ],
)
def test_a_frame_is_as_high_as_its_content(page: Page, text: str) -> None:
    page.set_viewport_size({"width": 940, "height": 900})
    place = shown(page, text, "<div id=end></div>").locator("#end")
    needs = place.evaluate("end => end.getBoundingClientRect().top")
    has = place.evaluate("() => innerHeight")
    assert needs <= has <= needs * 1.3 + 70
    assert place.evaluate("() => document.documentElement.scrollHeight") <= has


INNER = html.escape("<p>inside</p>")


@pytest.mark.parametrize(
    "text",
    [
        f'<iframe srcdoc="{INNER}"></iframe>',
        f'<svg><desc><div></svg></div></desc><script><desc><iframe srcdoc="{INNER}"></iframe>',
        f'<select><title><!-- </title><script>--><iframe srcdoc="{INNER}"></iframe>',
        f'<script>document.write(`<if`);document.write(`rame srcdoc="{INNER}">`)</script>',
        f'<p id=o></p><script>o.innerHTML=`<iframe srcdoc="{INNER}">`</script>',
        "<script>let d=new DOMParser().parseFromString(`<x:iframe xmlns:x="
        f'"http://www.w3.org/1999/xhtml" srcdoc="{INNER}"/>`,"application/xhtml+xml");'
        "document.body.append(d.documentElement)</script>",
        '<script>let d=new DOMParser().parseFromString(`<!DOCTYPE x [<!ATTLIST x xmlns CDATA "'
        f'http://www.w3.org/1999/xhtml">]><b xmlns:y="http://www.w3.org/1999/xhtml"><y:iframe '
        f'srcdoc="{INNER}"/></b>`,"text/xml");document.body.append(d.documentElement)</script>',
    ],
)
def test_no_document_is_made_inside(page: Page, text: str) -> None:
    inner = shown(page, f"<p>text</p>{text}</script></title></select><p id=end>end</p>")
    expect(inner.locator("#end")).to_be_attached(timeout=10_000)
    assert inner.locator("#end").evaluate("() => window.length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_frame_is_light_whatever_the_browser_prefers(
    browser: Browser, scheme: Literal["light", "dark"]
) -> None:
    """The page around it may be dark, and most HTML sets dark colours for white paper."""
    text = "<style>:root{color-scheme: light dark}</style><p>text</p><input value=x>"
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.set_content("<style>body{color-scheme: dark; background: #111}</style>")
    place = shown(page, text)
    ink = place.locator("p").evaluate("e => getComputedStyle(e).color")
    paper = place.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")
    field = place.locator("input").evaluate("e => getComputedStyle(e).backgroundColor")
    context.close()
    assert (ink, paper, field) == ("rgb(17, 17, 17)", "rgb(255, 255, 255)", "rgb(255, 255, 255)")
