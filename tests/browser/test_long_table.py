"""Two million rows: more pixels than Chromium gives any element."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import ROOT
from tests.browser.view import WidgetView

ROWS = 2_000_000
# The widget alone, in an empty page, told of a run by a kernel that is not there.
SHOW = """async ([script, style, count]) => {
    document.head.append(Object.assign(document.createElement('style'), {textContent: style}));
    const url = URL.createObjectURL(new Blob([script], {type: 'text/javascript'}));
    const {initialize, render} = (await import(url)).default();
    const handlers = [];
    const numbers = {act_max_weight: 1, lp_norm_weight: 1, tv_weight: 1, learning_rate: 1, jitter: 0};
    const others = {loss_names: ['a', 'b', 'c'], status: 'paused', input_range: [0, 255], layers: [], layer: ''};
    const traits = {...numbers, ...others};
    const model = {
        get: name => traits[name] ?? null, set: () => {}, off: () => {}, send: () => {}, save_changes: () => {},
        on: (event, handler) => { if (event === 'msg:custom') handlers.push(handler); },
    };
    initialize({model});
    const el = document.body.appendChild(document.createElement('div'));
    render({model, el});
    window.tell = (type, first, count) => {
        const rows = Float32Array.from({length: count * 4}, (_, i) => first + Math.floor(i / 4));
        const message = {type, seq: first, run: 1, layer: 'out', filter_indices: [3],
                         iteration: first + count, goal: 0, first, count,
                         shape: [1, 1, 1], rate: null, remaining: null};
        for (const handler of handlers)
            handler(message, [new DataView(new ArrayBuffer(1)), new DataView(rows.buffer)]);
    };
    window.tell('snapshot', 0, count);
}"""
TAKE_OUT = """async () => {
    const root = document.querySelector('.actmax');
    const parent = root.parentElement;
    root.remove();
    await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    parent.append(root);
}"""
IN_SIGHT = """table => {
    const {top, bottom} = table.getBoundingClientRect();
    const head = table.firstElementChild.getBoundingClientRect().bottom;
    return [...table.querySelectorAll('[role=cell]:first-child')].filter(cell => {
        const box = cell.getBoundingClientRect();
        return box.height && box.top > head - 1 && box.bottom < bottom + 1;
    }).map(cell => Number(cell.textContent)).sort((a, b) => a - b);
}"""


@pytest.fixture
def view(page: Page) -> WidgetView:
    static = ROOT / "actmax_widget" / "static"
    page.evaluate(SHOW, [(static / "widget.js").read_text(), (static / "widget.css").read_text(), ROWS])
    return WidgetView(page.locator(".actmax"))


def test_every_row_is_reached(view):
    table = view.part("table")
    expect(view.part("row-count")).to_have_text("2,000,000 rows")
    expect(table.get_by_text("2000000", exact=True)).to_be_in_viewport()

    table.focus()
    table.press("Home")
    expect(table.get_by_text("1", exact=True).first).to_be_in_viewport()
    shown = table.evaluate(IN_SIGHT)
    for _ in range(3):
        table.press("PageDown")
        follow = table.evaluate(IN_SIGHT)
        assert shown[0] < follow[0] <= shown[-1] + 1  # no row is left out
        shown = follow
    table.press("End")
    expect(table.get_by_text("2000000", exact=True)).to_be_in_viewport()

    table.evaluate("table => { table.scrollTop = 3_000_000; }")
    view.root.page.wait_for_function(f"table => ({IN_SIGHT})(table)[0] < 1_000_000", arg=table.element_handle())
    shown = table.evaluate(IN_SIGHT)
    assert len(shown) >= 6
    table.press("ArrowDown")
    assert table.evaluate(IN_SIGHT)[0] == shown[0] + 1
    table.press("ArrowUp")
    view.root.page.evaluate("first => window.tell('frame', first, 500)", ROWS)
    expect(view.part("row-count")).to_have_text("2,000,500 rows")
    assert table.evaluate(IN_SIGHT) == shown  # what is read stays where it is
    # As JupyterLab does with a cell that is out of sight: it comes back scrolled to the top.
    view.root.page.evaluate(TAKE_OUT)
    view.root.page.wait_for_function(f"table => ({IN_SIGHT})(table)[0] === {shown[0]}", arg=table.element_handle())
    view.part("newest").click()
    expect(table.get_by_text("2000500", exact=True)).to_be_in_viewport()
