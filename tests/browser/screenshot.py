"""Makes the pictures of the README, of a real JupyterLab: `make screenshot`.

Of the digits, whose ten classes are few enough for tiles.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.browser.lab import ROOT, OpenNotebook, launch, open_notebook, serve, write_notebook
from tests.browser.view import WidgetView

FOLDER = ROOT / "examples" / "images"
RUN, LAYER = FOLDER / "widget.png", FOLDER / "layer.png"
MOST_BYTES = 200_000
CELL = """import actmax_widget as am

widget = am.ActMaxWidget(am.demo.digits(), filter_indices=3, preset="keras-vis")
widget"""


def main() -> None:
    """Picture the notebook half-way to the digit 3, and the tiles of all ten digits."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder)) as server,
        sync_playwright() as playwright,
        launch(playwright) as browser,
    ):
        page = browser.new_page(viewport={"width": 1100, "height": 960}, device_scale_factor=2)
        write_notebook(server.folder / "first-image.ipynb", [CELL])
        notebook = open_notebook(page, server, "first-image.ipynb")
        notebook.command("application:toggle-left-area")
        notebook.run(0)
        view = WidgetView(notebook.widget)
        picture_run(notebook, view)
        picture_layer(view)
    for path in (RUN, LAYER):
        shrink(path)


def picture_run(notebook: OpenNotebook, view: WidgetView) -> None:
    """Press Run, and picture the notebook while the run goes on."""
    view.press("Run", then="running")
    view.wait_beyond(320)
    notebook.page.locator(".jp-NotebookPanel").screenshot(path=RUN)


def picture_layer(view: WidgetView) -> None:
    """Press All filters, and picture the tiles when they are finished."""
    view.part("all-filters").click()
    expect(view.part("tiles")).to_have_attribute("data-status", "finished", timeout=60_000)
    view.part("tiles").screenshot(path=LAYER)


def shrink(path: Path) -> None:
    """Keep the picture small: 256 colours are enough for it."""
    with Image.open(path) as full:
        few_colours = full.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few_colours.save(path, optimize=True)
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise RuntimeError(f"{path} has {size} bytes, more than the {MOST_BYTES} that a README may cost.")


if __name__ == "__main__":
    main()
