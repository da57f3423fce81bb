"""Makes the picture of the README, of a real JupyterLab during a run: `make screenshot`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.lab import ROOT, OpenNotebook, launch, open_notebook, serve, write_notebook
from tests.browser.view import WidgetView

PICTURE = ROOT / "examples" / "images" / "widget.png"
MOST_BYTES = 200_000
CELL = "import actmax_widget as am\n\nwidget = am.ActMaxWidget(filter_indices=3)\nwidget"


def main() -> None:
    """Run the widget on the digit 3 and picture the notebook half-way."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder)) as server,
        sync_playwright() as playwright,
        launch(playwright) as browser,
    ):
        page = browser.new_page(viewport={"width": 1100, "height": 960}, device_scale_factor=2)
        write_notebook(server.folder / "first-image.ipynb", [CELL])
        notebook = open_notebook(page, server, "first-image.ipynb")
        picture(notebook)
    shrink()


def picture(notebook: OpenNotebook) -> None:
    """Run the cell, press Run, and picture the notebook while the run goes on."""
    notebook.command("application:toggle-left-area")
    notebook.run(0)
    view = WidgetView(notebook.widget)
    view.press("Run", then="running")
    view.wait_beyond(320)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    notebook.page.locator(".jp-NotebookPanel").screenshot(path=PICTURE)


def shrink() -> None:
    """Keep the picture small: 256 colours are enough for it."""
    with Image.open(PICTURE) as full:
        few_colours = full.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few_colours.save(PICTURE, optimize=True)
    size = PICTURE.stat().st_size
    if size > MOST_BYTES:
        raise RuntimeError(f"{PICTURE} has {size} bytes, more than the {MOST_BYTES} that a README may cost.")


if __name__ == "__main__":
    main()
