"""Whether all of a widget can be read: what is cut, too narrow for its text, over another or outside."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

# What scrolls by design, what the browser itself draws over several lines, and what is for the ear alone, is left out.
FAULTS = """root => {
    const faults = [];
    const name = e => `${e.localName}.${e.className || e.dataset.testid} "${(e.textContent || '').slice(0, 30)}"`;
    const scrolls = '.actmax-table, .actmax-tile-grid, .actmax-layer-list, .actmax-map-frame';
    const parts = [...root.querySelectorAll('*')].filter(e =>
        e.checkVisibility() && !e.parentElement.closest(scrolls)
        && !e.matches('option, canvas, summary *, wbr, .actmax-unseen'));
    const edge = root.getBoundingClientRect();
    const pen = document.createElement('canvas').getContext('2d');

    // No part is cut or leaves the widget.
    for (const part of parts) {
        const {left, right, width} = part.getBoundingClientRect();
        if (left < edge.left - 1 || right > edge.right + 1)
            faults.push(`outside: ${name(part)} ${left}..${right} of ${edge.left}..${edge.right}`);
        if (!part.matches(`${scrolls}, select`) && part.clientWidth && part.scrollWidth > part.clientWidth + 1)
            faults.push(`cut: ${name(part)} ${part.scrollWidth} in ${part.clientWidth}`);
        if (part.matches('button, select, input:not([type=checkbox])') && width < 24)
            faults.push(`too narrow: ${name(part)} ${width}`);
    }
    // A list shows whole what was chosen; the layers, whose names are the model's, show what there is room for, and a
    // menu its first line.
    for (const select of parts.filter(e => e.matches('select:not([data-testid=layer])'))) {
        pen.font = getComputedStyle(select).font;
        const isMenu = select.matches('.actmax-take-away select');
        const shown = isMenu ? [select.options[0]] : [...select.options];
        const wide = Math.max(...shown.map(({text}) => pen.measureText(text).width));
        if (wide + 20 > select.clientWidth) faults.push(`cut: ${name(select)} ${wide} in ${select.clientWidth}`);
    }
    // A word stands on one line.
    for (const part of parts.filter(e => e.matches('button, label, summary, .actmax-status'))) {
        const words = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
        while (words.nextNode()) {
            const text = words.currentNode;
            for (const {0: word, index} of text.data.matchAll(/\\S+/g)) {
                const range = document.createRange();
                range.setStart(text, index);
                range.setEnd(text, index + word.length);
                const {left, right} = part.getBoundingClientRect();
                const lines = [...range.getClientRects()].filter(({width}) => width > 0);
                if (lines.length > 1) faults.push(`broken: ${word} in ${name(part)}`);
                if (lines.some(line => line.left < left - 1 || line.right > right + 1))
                    faults.push(`narrower than its text: ${name(part)}`);
            }
        }
    }
    const controls = parts.filter(e => e.matches('button, select, input:not([hidden]), canvas, progress'));
    controls.forEach((one, i) => {
        const a = one.getBoundingClientRect();
        for (const other of controls.slice(i + 1)) {
            const b = other.getBoundingClientRect();
            const [width, height] = [Math.min(a.right, b.right) - Math.max(a.left, b.left),
                                     Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
            // What is said of a picture stands on it.
            if (one.matches('canvas') && other.closest('.actmax-past')) continue;
            if (width > 1 && height > 1) faults.push(`over each other: ${name(one)}, ${name(other)}`);
        }
    });
    // Whatever holds the widget need not be scrolled sideways for it.
    for (let around = root.parentElement; around; around = around.parentElement) {
        const end = around.getBoundingClientRect().left + around.clientLeft + around.clientWidth;
        if (getComputedStyle(around).display !== 'contents' && edge.right > end + 1)
            faults.push(`sideways: ${around.className} ends at ${end}, the widget at ${edge.right}`);
    }
    return faults;
}"""

OVERLAPS = """roots => roots.flatMap((one, i) => roots.slice(i + 1).filter(other => {
    const [a, b] = [one, other].map(e => e.getBoundingClientRect());
    return Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
})).length"""


def faults(widgets: Locator) -> list[str]:
    """Say what of these widgets cannot be read, a sentence each; nothing where all can."""
    found = [fault for root in widgets.all() if root.is_visible() for fault in root.evaluate(FAULTS)]
    overlaps = widgets.evaluate_all(OVERLAPS)
    return found + ([f"{overlaps} widgets over each other"] if overlaps else [])


def widths(widgets: Locator) -> list[float]:
    """Give the widths of the widgets in CSS pixels."""
    found: list[float] = widgets.evaluate_all("roots => roots.map(root => root.getBoundingClientRect().width)")
    return found


def settle(page: Page) -> None:
    """Wait until the page has been laid out anew."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))")
