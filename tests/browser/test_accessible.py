"""axe-core finds nothing to complain of in the widget, in any theme and any state."""

from playwright.sync_api import Locator, expect

from tests.browser.lab import ARTIFACTS, ROOT, OpenNotebook

AXE = ROOT / "js" / "node_modules" / "axe-core" / "axe.min.js"
RUN_AXE = """async () => {
    const {violations, passes} = await axe.run('.actmax');
    if (passes.length < 20) throw new Error(`axe looked at ${passes.length} rules only`);
    const at = nodes => nodes.map(({html, failureSummary}) => html.slice(0, 120) + failureSummary).join(', ');
    return violations.map(({id, nodes}) => `${id}: ${at(nodes)}`);
}"""
THEMES = ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast")


def expect_nothing_found(notebook: OpenNotebook, state: str, *, pictured: Locator | None = None) -> None:
    """Let axe-core look at the widget as it is, in each theme; ``pictured``: what is kept in `artifacts/` of each."""
    found = {}
    for theme in THEMES:
        notebook.command("apputils:change-theme", theme=theme)
        expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
        if pictured is not None:
            expect(notebook.page.locator("#jupyterlab-splash")).to_have_count(0)  # it lies over the page for a moment
            name = f"{state} {theme.removeprefix('JupyterLab ')}.png"
            pictured.screenshot(path=ARTIFACTS / name.lower().replace(" ", "-"))
        found[theme] = notebook.page.evaluate(RUN_AXE)
    assert not any(found.values()), (state, found)


def test_nothing_keeps_anybody_out(next_widget):
    notebook, view = next_widget("max_iter=100_000")
    notebook.page.add_script_tag(path=AXE)
    expect_nothing_found(notebook, "idle, without a row")

    view.open_tab("more")
    view.part("learning-rate-value").fill("-1")
    view.part("learning-rate-value").press("Enter")
    expect(view.part("learning-rate-problem")).to_be_visible()
    notebook.ask("widget.tv_weight, widget.clip, widget.ui = 3, False, {'text': 'A lesson.'}")
    expect(view.part("clip-reset")).to_be_visible()
    view.choose(filters=99)
    notebook.ask("widget.set_trait('error', 'filter: expected a filter with a picture, received 99 (int).')")
    expect(view.part("error")).to_be_visible()
    view.part("vary-open").click()
    view.part("vary").select_option("seed")
    view.part("vary-by").select_option("tv_weight")
    view.part("vary-values").fill("x")
    view.part("vary-make").click()
    expect(view.part("vary-problem")).to_be_visible()
    view.part("keys").click()
    expect_nothing_found(notebook, "more, vary, values to take back, keys and errors")
    view.part("keys").click()
    view.part("vary-cancel").click()

    view.choose(filters=3)
    view.press("Run", then="running")
    view.wait_beyond(30)
    expect_nothing_found(notebook, "running")

    notebook.ask("widget.max_iter = 30; widget.visualize_many(vary={'seed': range(3)})")
    expect(view.part("tiles")).to_have_attribute("data-status", "finished", timeout=60_000)
    notebook.ask("widget.tv_weight = 4")
    expect(view.part("tiles-changed")).to_be_visible()
    expect_nothing_found(notebook, "tiles")  # without a kernel: in test_tiles.py
