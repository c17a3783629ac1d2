"""The three pictures in the README; `make screenshots` makes them anew."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

import PIL.Image
import pytest
from playwright.sync_api import Browser, expect

from tests.faults.proxy import Proxy

from .conftest import Pool
from .lab import Lab
from .screen import SCREENSHOTS, Screen, is_loaded

WIDTH = 1080
SCALE = 2
MOST_BYTES = 150_000
MB = 1_000_000
CITIES = {"Lisbon": 41, "Oslo": 56, "Pune": 33, "Quito": 25}

NOTEBOOK = [
    "%upload sales.csv",
    """\
import pandas as pd
sales = pd.read_csv("sales.csv", parse_dates=["month"])
print(len(sales), "rows,", sales["city"].nunique(), "cities")
sales.head(2)""",
    'sales.groupby("city")["revenue"].sum().idxmax()',
    """\
by_month = sales.pivot(index="month", columns="city", values="revenue")
axes = by_month.plot(figsize=(9.5, 1.9), ylim=(0, 120), xlabel="", title="Revenue, in thousands")
axes.legend(ncols=4);""",
]
UPLOADS = ["%upload sales.csv", "%files", "%upload flights-2025.parquet"]
_HALF_SENT = r"""() => {
    const shown = [...document.querySelectorAll(".jp-OutputArea-output")].pop()?.textContent;
    const percent = Number(/(\d+)%/.exec(shown ?? "")?.[1] ?? 0);
    return percent >= 55;
}"""


def write_sales(path: Path) -> None:
    """Write two years of sales, the same each time."""
    rows = ["month,city,revenue"]
    for month in range(24):
        for number, (city, base) in enumerate(CITIES.items()):
            season = math.sin((month + 2 * number) * math.pi / 6)
            revenue = base * (1 + 0.02 * month) + 8 * season
            rows.append(f"{2024 + month // 12}-{month % 12 + 1:02},{city},{revenue:.1f}")
    path.write_text("\n".join(rows) + "\n")


@pytest.fixture(scope="module")
def lab(
    browser: Browser, local_pool: Pool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    """Give a JupyterLab that nobody has used yet, over a network of 20 MB a second."""
    with Proxy(local_pool.endpoint, rate=20 * MB) as proxy:
        environment = {
            "ACA_POOL_MANAGEMENT_ENDPOINT": proxy.endpoint,
            "ACA_ACCESS_TOKEN": local_pool.token,
        }
        lab = Lab(tmp_path_factory.mktemp("pictures"), environment)
        write_sales(lab.root / "sales.csv")
        (lab.root / "flights-2025.parquet").write_bytes(bytes(80 * MB))
        some_hours_ago = time.time() - 5 * 3600  # Lab shows ages, to the second when new
        for file in lab.root.iterdir():
            os.utime(file, (some_hours_ago, some_hours_ago))
        yield lab
        lab.close()


def picture(browser: Browser, lab: Lab, height: int) -> Screen:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": height}, device_scale_factor=SCALE
    )
    return Screen(context.new_page(), lab)


def keep(screen: Screen, name: str) -> None:
    """Keep the picture with few colours, so that it is small; check its size."""
    screen.keep_picture(name)
    file = SCREENSHOTS / f"{name}.png"
    with PIL.Image.open(file) as image:
        size = image.size
        few = image.convert("RGB").quantize(128, dither=PIL.Image.Dither.NONE)
    few.save(file, optimize=True)
    viewport = screen.page.viewport_size
    assert viewport is not None
    assert size == (viewport["width"] * SCALE, viewport["height"] * SCALE)
    assert file.stat().st_size < MOST_BYTES
    screen.page.context.close()


def test_picture_of_the_launcher(browser: Browser, lab: Lab) -> None:
    screen = picture(browser, lab, 500)
    screen.open_launcher()
    expect(screen.tile("Azure Sessions Python")).to_be_visible()
    keep(screen, "launcher")


def test_picture_of_a_notebook(browser: Browser, lab: Lab) -> None:
    lab.write("sales.ipynb", NOTEBOOK)
    screen = picture(browser, lab, 800)
    screen.open("sales.ipynb")
    screen.hide_sidebar()
    screen.run_all()
    screen.wait_until_idle()
    expect(screen.outputs(0)).to_contain_text("/mnt/data/sales.csv")
    expect(screen.cell(1).locator("table.dataframe tbody tr")).to_have_count(2)
    expect(screen.outputs(2)).to_have_text("'Oslo'")
    assert is_loaded(screen.cell(3).locator("img"))
    keep(screen, "notebook")


def test_picture_of_an_upload(browser: Browser, lab: Lab) -> None:
    lab.write("upload.ipynb", UPLOADS)
    screen = picture(browser, lab, 460)
    screen.open("upload.ipynb")
    screen.hide_sidebar()
    screen.choose("Run", "Run All Cells")
    screen.page.wait_for_function(_HALF_SENT)
    keep(screen, "upload")
    lab.shut_kernels_down()
