"""A style sheet's rules in the elements look in Chromium as the sheet does."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from aca_kernel.outputs.html import inert
from tests.corpus.real import REAL
from tests.corpus.shapes import SHAPES

LOOK = """() => [...document.querySelectorAll("table,tr,td,th,caption,span,p,pre,summary,li,i,b")]
    .map(e => {
        const style = getComputedStyle(e), sizes = /width|height|size|origin|font-smoothing/;
        const names = [...style].filter(name => /^(border|font)/.test(name) || !sizes.test(name));
        return [e.tagName + " " + e.textContent.trim().slice(0, 30),
            Object.fromEntries(names.map(name => [name, style.getPropertyValue(name)]))];
    })"""

TEXTS = {
    "display-table": SHAPES["display-table"],
    "estimator-table": SHAPES["estimator-table"],
    "source-code": f'<div class="output_html">{SHAPES["source-code"]}</div>',
    "odd": "<style>li:nth-child(2n+1) ~ li {color: red} ul > li:last-child {color: blue} "
    "p + p, .a .b i {font-weight: bold} #i.a {color: green !important} div.a {color: red}"
    "tbody tr:nth-child(even) td {text-align: right}</style>"
    "<div class=a id=i><p>1<p>2</p><ul><li>3<li>4<li>5</ul><b class='b c'><span><i>6</i></span></b>"
    "</div><table><tr><td>7<tr><td>8<tr><td>9</table>",
}
MADE = ["styler-highlight", "styler-gradient", "styler-bars", "styler-sheet"]


def looks(browser: Browser, text: str) -> list[Any]:
    context = browser.new_context()
    page = context.new_page()
    page.set_content(f"<!DOCTYPE html><body>{text}")
    found: list[Any] = page.evaluate(LOOK)
    context.close()
    return found


@pytest.mark.parametrize("name", [*TEXTS, *MADE])
def test_it_looks_the_same(browser: Browser, name: str) -> None:
    text = TEXTS.get(name) or str(REAL[name]()["text/html"])
    clean = inert(text)
    assert clean is not None
    before, after = looks(browser, text), looks(browser, clean)
    assert [element for element, _ in before] == [element for element, _ in after]
    differences = {
        (element, name, style[name], shown[name])
        for (element, style), (_, shown) in zip(before, after, strict=True)
        for name in style
        # Where the ground is light, our ink stands in for the page's own.
        if style[name].replace("rgb(0, 0, 0)", "rgb(17, 17, 17)")
        != shown[name].replace("rgb(0, 0, 0)", "rgb(17, 17, 17)")
    }
    assert differences == set()
