"""What a cell brings besides its own outputs: payloads, metadata, files, notices."""

from __future__ import annotations

import html
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbconvert.exporters import LatexExporter

from .conftest import KernelStarter
from .driver import LINKED, PATIENCE, Kernel, Pool, Ran, reach


@pytest.fixture(scope="module")
def linked(local_pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    environment = reach(local_pool) | LINKED
    shared = Kernel(environment, tmp_path_factory.mktemp("linked")).start()
    yield shared
    shared.close()


def html_of(ran: Ran) -> str:
    return "\n".join(c["data"].get("text/html", "") for c in ran.of("display_data"))


# Payloads: what a session asks of the front end


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("%load made.py", "# %load made.py\nprint('<b>&')\n"),
        ("get_ipython().set_next_input('a = 1\\nb', replace=True)", "a = 1\nb"),
        ("get_ipython().set_next_input('%cd /tmp')", "%cd /tmp"),
    ],
)
def test_the_text_that_a_cell_does_not_get_is_shown_to_copy(
    linked: Kernel, code: str, text: str
) -> None:
    linked.run("%%writefile made.py\nprint('<b>&')\n")
    ran = linked.run(code)
    assert ran.reply["payload"] == []
    assert ran.displayed.startswith("[aca-kernel] The session wanted to put ")
    assert ran.displayed.endswith(f"characters:\n{text}")
    assert f"{html.escape(text)}</pre></details>" in html_of(ran)


def test_recall_of_a_magic_says_what_it_would_have_put_into_a_cell(linked: Kernel) -> None:
    count = linked.run("%pwd").reply["execution_count"]
    ran = linked.run(f"%recall {count}")
    assert ran.displayed.endswith("\n%pwd")


def test_a_new_cell_without_a_magic_is_made_and_needs_no_word(linked: Kernel) -> None:
    ran = linked.run("get_ipython().set_next_input('a = 1')")
    (payload,) = ran.reply["payload"]
    assert payload == {"source": "set_next_input", "text": "a = 1", "replace": False}
    assert ran.outputs == []


def test_edit_says_where_the_file_is(linked: Kernel) -> None:
    linked.run("%%writefile made.py\n1\n")
    ran = linked.run("%edit made.py")
    assert "%edit opens no editor" in ran.displayed
    assert "%download made.py" in ran.displayed
    assert ran.reply["payload"] == []


@pytest.mark.parametrize("keep", [True, False])
def test_exit_says_what_it_did(start_kernel: KernelStarter, local_pool: Pool, keep: bool) -> None:
    kernel = start_kernel(local_pool, **LINKED)
    ran = kernel.run(f"exit(keep_kernel={keep})")
    assert ran.reply["payload"] == []
    said = "the session and its variables stay" if keep else "its variables are gone"
    assert said in ran.displayed


# Metadata


def test_metadata_that_only_says_how_to_show_is_passed(linked: Kernel) -> None:
    ran = linked.run("from IPython.display import JSON\nJSON([1], expanded=True, root='r\x1b[2J')")
    (result,) = ran.of("execute_result")
    assert result["metadata"] == {"application/json": {"expanded": True, "root": "r"}}
    ran = linked.run(
        "from IPython.display import Image\nimport matplotlib.pyplot as p, io\nb = io.BytesIO()\n"
        "p.imsave(b, [[0, 1]])\nImage(b.getvalue(), alt='an \"x\"><b>', unconfined=True, width=7)"
    )
    (result,) = ran.of("execute_result")
    shown = {"alt": "an \u201dx\u201d\u203a\u2039b\u203a", "unconfined": True, "width": 7}
    assert result["metadata"] == {"image/png": shown}


# The count


@pytest.mark.parametrize("mode", ["linked", "direct"])
def test_a_blank_cell_is_not_counted(
    start_kernel: KernelStarter, local_pool: Pool, mode: str
) -> None:
    kernel = start_kernel(local_pool, ACA_KERNEL_MODE=mode)
    local = KernelManager(kernel_name="python3")
    local.start_kernel()
    client = local.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE)
        for code in ("", "1", "", " \n\t", "# c", "\n", "2"):
            theirs = client.execute_interactive(code, output_hook=lambda m: None)["content"]
            ours = kernel.run(code, user_expressions={"a": "1"} if code == "\n" else {})
            assert ours.reply["execution_count"] == theirs["execution_count"], code
            shown = [c["execution_count"] for c in ours.of("execute_result")]
            assert shown in ([], [theirs["execution_count"]])
    finally:
        client.stop_channels()
        local.shutdown_kernel(now=True)


# Markdown


def test_markdown_looks_as_in_lab(linked: Kernel) -> None:
    text = (
        "H<sub>2</sub>O\\n\\n- [x] done\\n\\n```python\\nif 1: pass\\n```\\n\\n<script>1</script>"
    )
    ran = linked.run(f"from IPython.display import Markdown, display\ndisplay(Markdown('{text}'))")
    shown = html_of(ran)
    assert "H<sub>2</sub>O" in shown
    assert "\u2611 done" in shown
    assert '<span style="color:' in shown
    assert "&lt;script&gt;" in shown


def test_latex_has_a_twin_of_markdown_and_svg(linked: Kernel) -> None:
    """And needs no Inkscape, which nbconvert asks for whenever there is an SVG."""
    ran = linked.run(
        "from IPython.display import Markdown, SVG, display\n"
        "import matplotlib.pyplot as plt\n"
        "display(Markdown('some *text*'))\n"
        'display(SVG(\'<svg width="9" height="9"><text>Oslo</text></svg>\'))\n'
        "%config InlineBackend.figure_formats = ['svg']\n"
        "plt.plot([1, 2]); plt.show()\n"
        "%config InlineBackend.figure_formats = ['svg', 'png']\n"
        "plt.plot([1, 2]); plt.show()"
    )
    outputs = [
        nbformat.v4.new_output("display_data", data=c["data"]) for c in ran.of("display_data")
    ]
    cells = [nbformat.v4.new_code_cell("1", outputs=outputs)]
    exporter: Any = LatexExporter()  # type: ignore[no-untyped-call]
    source, resources = exporter.from_notebook_node(nbformat.v4.new_notebook(cells=cells))
    assert "some *text*" in source
    assert "An SVG drawing, which HTML shows: Oslo" in source
    assert " object>" not in source
    assert "1 Axes" in source
    assert [name[-4:] for name in resources["outputs"]] == [".png"]


# Files of the session

PICTURE = "import matplotlib.pyplot as plt\nplt.imsave('p.png', [[0, 1]])\n"
SHOWS = {
    "![alt](p.png)": ("Markdown('![alt](p.png)')", '<img src="data:image/png;base64,iVBOR'),
    "<img> in Markdown": ("Markdown('<img src=p.png>')", '<img src="data:image/png;base64,iVBOR'),
    "a picture by its URL": ("Image(url='p.png')", 'src="data:image/png;base64,iVBOR'),
    "a full path": ("HTML('<img src=\"/mnt/data/p.png\">')", 'src="data:image/png;base64,iVBOR'),
    "a video": ("Video('v.mp4')", '<video src="data:video/mp4;base64,AAEC'),
    "a sound": ("Audio(url='s.wav')", 'src="data:audio/wav;base64,AAEC'),
    "a page": ("IFrame('page.html', 300, 200)", "<b>page</b> <img src=&"),
}


@pytest.mark.parametrize("kind", SHOWS)
def test_a_file_of_the_session_is_shown(linked: Kernel, kind: str) -> None:
    code, part = SHOWS[kind]
    linked.run(
        PICTURE + "for n in ('v.mp4', 's.wav'): open(n, 'wb').write(bytes(range(200)))\n"
        "open('page.html', 'w').write('<b>page</b> <img src=\"p.png\"><script>1</script>')"
    )
    ran = linked.run(f"from IPython.display import *\nprint('a')\ndisplay({code})\nprint('b')")
    assert [kind for kind, _ in groupby(ran.kinds)] == ["stdout", "display_data", "stdout"]
    shown = html_of(ran)
    if kind == "a page":
        shown = html.unescape(html.unescape(shown))
        part = '<b>page</b> <img src="data:image/png;base64,iVBOR'
    assert part in shown
    assert "[aca-kernel]" not in ran.displayed


def test_a_file_that_is_missing_or_too_large_is_named_with_what_to_do(linked: Kernel) -> None:
    linked.run("open('big.mp4', 'wb').write(bytes(10_000_001))")
    ran = linked.run(
        "from IPython.display import *\ndisplay(Video('big.mp4'), Markdown('![](none.png) text'))"
    )
    assert "big.mp4 is not shown: it is larger than 10 MB" in ran.displayed
    assert "%download big.mp4" in ran.displayed
    assert "none.png is not shown: the session has no such file in /mnt/data" in ran.displayed
    assert "network" not in ran.displayed
    assert "text" in html_of(ran)


def test_a_picture_that_is_none_is_not_shown(linked: Kernel) -> None:
    ran = linked.run(
        "open('fake.png', 'w').write('<script>')\nfrom IPython.display import *\n"
        "display(Markdown('![](fake.png)'))"
    )
    assert "fake.png is not shown: its content is no png" in ran.displayed


def test_trusted_shows_the_sessions_files_too(
    start_kernel: KernelStarter, local_pool: Pool
) -> None:
    kernel = start_kernel(local_pool, ACA_OUTPUT_POLICY="trusted", **LINKED)
    ran = kernel.run(
        "open('page.html', 'w').write('<b>\"page\"</b>')\nfrom IPython.display import *\n"
        "IFrame('page.html', 300, 200)"
    )
    (result,) = ran.of("execute_result")
    ran = kernel.run("display(HTML('<img src=\"none.png\">'))")
    assert ran.of("display_data")[0]["data"]["text/html"] == '<img src="none.png">'
    assert ran.kinds == ["display_data"]
    assert 'srcdoc="&lt;b&gt;&quot;page&quot;&lt;/b&gt;"' in result["data"]["text/html"]


# Notices: what to do, exactly, in the folding look

PICTURE_OF_A_WIDGET = (
    "from IPython.display import display\nimport base64, io, matplotlib.pyplot as plt\n"
    "b = io.BytesIO(); plt.imsave(b, [[0, 1]]); p = base64.b64encode(b.getvalue()).decode()\n"
    "for _ in range(2): display({'text/plain': 'Canvas()', 'image/png': p,\n"
    "    'application/vnd.jupyter.widget-view+json': {'model_id': 'x'}}, raw=True)\n"
)
WHERE = (
    "set ACA_OUTPUT_POLICY=trusted before Jupyter starts, or c.AzureSessionsKernel.output_policy"
)
NOTICES = {
    "application/vnd.vegalite.v5+json": ["alt.renderers.enable('png')", "vl-convert-python"],
    "application/vnd.plotly.v1+json": ["fig.to_html(include_plotlyjs=True)", "kaleido"],
    "application/vnd.jupyter.widget-view+json": ["%matplotlib inline", WHERE],
    "application/javascript": ["IPython.display.HTML('<script>...</script>')", WHERE],
    "application/x-other": ["IPython.display.HTML(...)"],
}


@pytest.mark.parametrize("mime", NOTICES)
def test_a_notice_says_exactly_what_to_do(linked: Kernel, mime: str) -> None:
    ran = linked.run(
        "from IPython.display import display\n"
        f"display({{'text/plain': 'Twin()', '{mime}': {{}}}}, raw=True)"
    )
    (shown,) = [c["data"] for c in ran.of("display_data")]
    assert shown["text/html"].startswith('<pre style="white-space: pre-wrap">Twin()</pre><details')
    for part in NOTICES[mime]:
        assert part in shown["text/plain"]
        assert html.escape(part) in shown["text/html"]


def test_an_animation_names_the_option_that_makes_a_video(linked: Kernel) -> None:
    ran = linked.run(
        "import matplotlib.pyplot as plt\nfrom matplotlib.animation import FuncAnimation\n"
        "from IPython.display import HTML, display\nfigure, axes = plt.subplots()\n"
        "a = FuncAnimation(figure, lambda i: axes.plot([i]), frames=2)\nplt.close()\n"
        "display(HTML(a.to_jshtml()))"
    )
    if "<iframe" not in html_of(ran):
        assert 'plt.rcParams["animation.html"] = "html5"' in ran.displayed


def test_a_figure_of_matplotlib_notebook_says_what_shows_it(linked: Kernel) -> None:
    ran = linked.run("%matplotlib notebook\nimport matplotlib.pyplot as plt\nplt.plot([1])")
    linked.run("%matplotlib inline")
    assert "Interactive figure (%matplotlib notebook) not shown" in ran.displayed
    assert "%matplotlib inline shows it as a picture" in ran.displayed


def test_a_picture_in_place_of_a_widget_is_told_once(linked: Kernel) -> None:
    ran = linked.run(PICTURE_OF_A_WIDGET)
    assert ran.displayed.count("is a picture of a widget") == 1
    assert "%matplotlib inline" in ran.displayed
    assert len([c for c in ran.of("display_data") if "image/png" in c["data"]]) == 2
