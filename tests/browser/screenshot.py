"""Makes the pictures of the README, of a real JupyterLab: `make screenshot`.

A film of a run of the photo network, in which a person goes back in its course, and the sheet of several classes.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.browser.lab import ROOT, launch, open_notebook, serve, write_notebook
from tests.browser.view import WidgetView

FOLDER = ROOT / "examples" / "images"
FILM, SHEET = FOLDER / "widget.webp", FOLDER / "vary.webp"
MOST_BYTES = 3_000_000
EVERY = 6
"""Iterations between two pictures of the film."""
BACK = (0.25, 0.45, 0.65, 0.85)
"""Where in the chart the person points afterwards."""
PAPER = (255, 255, 255)
CLASSES = ["goldfish", "flamingo", "daisy", "volcano", "peacock", "zebra", "broccoli", "castle", "lion", "monarch"]
CELL = """import actmax_widget as am

widget = am.ActMaxWidget(filter_indices="peacock", steps_per_second=12)
widget"""
VARY = f"""widget.preset = "quick"
widget.visualize_many(vary={{"filter_indices": {CLASSES}}})"""


def main() -> None:
    """Film a run from noise to a peacock, and picture ten classes side by side."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder)) as server,
        sync_playwright() as playwright,
        launch(playwright) as browser,
    ):
        page = browser.new_page(viewport={"width": 1080, "height": 1300})
        write_notebook(server.folder / "first-image.ipynb", [CELL])
        notebook = open_notebook(page, server, "first-image.ipynb")
        notebook.command("application:toggle-left-area")
        notebook.run(0)
        view = WidgetView(notebook.widget)
        view.expect_status("ready")
        film(view)
        notebook.ask(VARY)
        expect(view.part("tiles")).to_have_attribute("data-status", "finished", timeout=600_000)
        tiles = view.part("tiles").screenshot()
    picture(tiles).save(SHEET, quality=85, method=6)
    for path in (FILM, SHEET):
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise RuntimeError(f"{path} has {size} bytes, more than the {MOST_BYTES} that a README may cost.")


def film(view: WidgetView) -> None:
    """Press Run, and when it has ended point to where it was before, and then to its end."""
    shots = [picture(view.root.screenshot())]
    view.press("Run", then="running")
    while view.root.get_attribute("data-status") == "running":
        if view.iteration >= EVERY * len(shots):
            shots.append(picture(view.root.screenshot()))
        view.root.page.wait_for_function(
            "([root, iteration]) => root.dataset.status !== 'running' || Number(root.dataset.iteration) >= iteration",
            arg=[view.root.element_handle(), EVERY * len(shots)],
            timeout=60_000,
        )
    shots.append(picture(view.root.screenshot()))
    at_end = len(shots) - 1
    chart = view.part("chart").locator(".u-over")
    box = chart.bounding_box() or {"width": 0.0, "height": 0.0}
    for share in BACK:
        chart.click(position={"x": box["width"] * share, "y": box["height"] / 2})
        expect(view.part("past")).to_be_visible()
        shots.append(picture(view.root.screenshot()))
    view.part("past-newest").click()
    shots.append(picture(view.root.screenshot()))
    durations = [100 if place < at_end else 1200 for place in range(len(shots))]
    first, *others = same_size(shots)
    first.save(FILM, save_all=True, append_images=others, duration=durations, loop=0, quality=70, method=4)


def same_size(shots: list[Image.Image]) -> list[Image.Image]:
    """Before the first iteration the widget is less high."""
    size = max(shot.width for shot in shots), max(shot.height for shot in shots)
    whole = []
    for shot in shots:
        paper = Image.new("RGB", size, PAPER)
        paper.paste(shot, (0, 0))
        whole.append(paper)
    return whole


def picture(shot: bytes) -> Image.Image:
    """A screenshot."""
    return Image.open(io.BytesIO(shot)).convert("RGB")


if __name__ == "__main__":
    main()
