"""A real JupyterLab in real Chromium, for the browser tests and for the picture of the README; other hosts, too.

JupyterLab and Notebook 7 are started with `--expose-app-in-browser`, so that `window.jupyterapp` runs its commands.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, Locator, Page, Playwright, expect

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = Path(os.environ.get("ACTMAX_ARTIFACTS", ROOT / "artifacts"))
START_SECONDS = 90
CHROMIUM_FLAGS = [
    "--no-sandbox",  # Chromium refuses its sandbox to root, which CI runs as
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

QUICK = "am.demo.digits(), preset='keras-vis', "
"""Arguments of a widget of a small network with keras-vis's terms: for tests of the page, not of pictures."""

KERNEL_IDLE = "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"

RUN_CELL = """async ([index, source]) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    if (index === null) {
        index = notebook.model.cells.length;
        notebook.model.sharedModel.insertCell(index, {cell_type: 'code', source});
    }
    notebook.activeCellIndex = index;
    notebook.deselectAll();
    await window.jupyterapp.commands.execute('notebook:run-cell');
    return notebook.model.cells.get(index).outputs.toJSON();
}"""


SHARED = ("shared.ipynb", "parts.ipynb")
"""Notebooks that several tests use, one after the other."""
END_KERNELS = """async kept => {
    const sessions = window.jupyterapp?.serviceManager.sessions;
    const end = async () => {
        await sessions?.refreshRunning();
        const ended = [...(sessions?.running() ?? [])].filter(({path}) => !kept.includes(path));
        await Promise.all(ended.map(({id}) => sessions.shutdown(id)));
    };
    // A server that is gone never answers.
    await Promise.race([end(), new Promise(done => setTimeout(done, 10000))]);
}"""


def end_kernels(page: Page, but: Sequence[str] = ()) -> None:
    """End the kernels of the server that a page is of, but for those of some notebooks."""
    page.evaluate(END_KERNELS, list(but))


@dataclass(frozen=True)
class LabServer:
    """A running JupyterLab, or another host: its address, the folder of its notebooks, and where it shows them."""

    url: str
    folder: Path
    path: str = "lab/tree/{}?reset"

    def address(self, name: str) -> str:
        """Give the address at which the notebook is shown."""
        path = self.path.format(name)
        if name in SHARED:  # in a workspace of its own, or a page that is reloaded would open it, too
            path = path.replace("lab/tree", f"lab/workspaces/{Path(name).stem}/tree")
        return f"{self.url}/{path}"


@dataclass(frozen=True)
class OpenNotebook:
    """A notebook that is open in a page of the browser."""

    page: Page

    def run(self, index: int) -> str:
        """Run the cell at `index`, counted from 0, to its end; give the text that it put out."""
        return _text(self.page.evaluate(RUN_CELL, [index, None]))

    def ask(self, source: str) -> str:
        """Run `source` in a new cell at the end; give the text that it put out."""
        return _text(self.page.evaluate(RUN_CELL, [None, source]))

    def expect_told(self, source: str, expected: str | Callable[[str], bool]) -> str:
        """Ask the kernel for `source` until it is as expected; give its text.

        What is set in the page comes by another way than a cell, which may overtake it.
        """
        fits = expected.__eq__ if isinstance(expected, str) else expected
        for _ in range(50):
            if fits(told := self.ask(f"print({source})").strip()):
                return told
        raise AssertionError(f"{source} is {told}.")

    def start(self, source: str) -> None:
        """Run `source` in a new cell at the end, and do not wait for it."""
        self.page.evaluate(f"arguments => {{ ({RUN_CELL})(arguments); }}", [None, source])

    def command(self, name: str, **arguments: object) -> None:
        """Execute one of JupyterLab's own commands."""
        self.page.evaluate("([name, args]) => window.jupyterapp.commands.execute(name, args)", [name, arguments])

    def reload(self) -> None:
        """Reload the page, and wait until the notebook is there and its kernel is idle."""
        self.page.reload()
        self.wait_until_idle()

    def save(self) -> None:
        """Save the notebook, with the state of its widgets."""
        self.command("docmanager:save")

    def shut_down_kernels(self) -> None:
        """End the kernels of all notebooks, but for those that other tests go on with, if this is not one of them."""
        end_kernels(self.page, [one for one in SHARED if one != self.name])

    def wait_until_idle(self) -> None:
        """Wait until the kernel is there and has nothing to do."""
        self.page.wait_for_function(KERNEL_IDLE, timeout=START_SECONDS * 1000)

    @property
    def name(self) -> str:
        """The file name of the notebook."""
        name: str = self.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")
        return name

    @property
    def widget(self) -> Locator:
        """The widget, or the widgets, on the page."""
        return self.page.locator(".actmax")


def write_notebook(path: Path, cells: list[str]) -> None:
    """Write a notebook of code cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


def open_notebook(page: Page, server: LabServer, name: str) -> OpenNotebook:
    """Open a notebook of the server's folder in `page`, and wait until its kernel is idle."""
    page.goto(server.address(name))
    opened = OpenNotebook(page)
    opened.wait_until_idle()
    return opened


TAKE_CELL = """source => {
    const {cells, sharedModel} = window.jupyterapp.shell.currentWidget.content.model;
    sharedModel.deleteCellRange(2, cells.length);
    cells.get(1).sharedModel.setSource(source);
}"""


def show_widget(notebook: OpenNotebook, arguments: str, model: str = QUICK) -> None:
    """Show a widget, with these arguments, in the second cell of a notebook, which is then the last.

    ``model``: further arguments before them; those of the digits.
    """
    notebook.page.evaluate(TAKE_CELL, f"widget = am.ActMaxWidget({model}{arguments})\nwidget")
    notebook.run(1)
    expect(notebook.widget).to_have_count(1)


def reopen_without_kernel(notebook: OpenNotebook, server: LabServer) -> OpenNotebook:
    """Save a notebook, end its kernel, and open it in the same page as whoever finds it later does."""
    notebook.save()
    name = notebook.name
    notebook.shut_down_kernels()
    return open_notebook(notebook.page, server, name)


def chromium() -> str | None:
    """Give the path of the system's Chromium or Chrome, or None."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


@contextmanager
def launch(playwright: Playwright) -> Iterator[Browser]:
    """Launch the system's Chromium, headless, with a fresh profile."""
    browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
    try:
        yield browser
    finally:
        browser.close()


PATHS = {"lab": LabServer.path, "notebook": "notebooks/{}", "voila": "voila/render/{}"}


@contextmanager
def serve(folder: Path, host: str = "lab", packages: Path | None = None) -> Iterator[LabServer]:
    """Serve `folder`/notebooks by JupyterLab, "notebook" or "voila", with settings of its own; keep its log.

    Packages in the folder `packages` take the place of those that are installed.
    """
    notebooks = folder / "notebooks"
    settings = folder / "app-settings"
    notebooks.mkdir()
    settings.mkdir()
    shutil.copy(ROOT / "tools" / "overrides.json", settings)
    port = _free_port()
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    log = ARTIFACTS / f"jupyter{host}{f'-{packages.name}' if packages else ''}.log"
    command = _command(host, port, notebooks, settings)
    with (
        log.open("w") as output,
        subprocess.Popen(
            command,
            env=_environment(folder, packages),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            _wait_until_it_serves(process, log)
            yield LabServer(f"http://127.0.0.1:{port}", notebooks, PATHS[host])
        finally:
            process.terminate()


def _command(host: str, port: int, notebooks: Path, settings: Path) -> list[str]:
    if host == "voila":
        voila = [sys.executable, "-m", "voila", str(notebooks), "--no-browser"]
        return [*voila, "--Voila.ip=127.0.0.1", f"--port={port}", "--Voila.port_retries=0"]
    app = {"lab": "LabApp", "notebook": "JupyterNotebookApp"}[host]
    return [
        *[sys.executable, "-m", "jupyter", host, "--no-browser", "--allow-root", "--expose-app-in-browser"],
        *["--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="],
        *[f"--ServerApp.root_dir={notebooks}", f"--{app}.app_settings_dir={settings}"],
    ]


def _environment(folder: Path, packages: Path | None) -> dict[str, str]:
    """Keep the server away from the settings of the person who runs the tests."""
    names = ["HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"]
    names += ["JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"]
    own = {name: str(folder / name.lower()) for name in names}
    # The package of this tree, also where another worktree's is installed.
    paths = [*([str(packages)] if packages else []), str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, **own, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    # ipykernel behaves differently where it sees this: it does not capture what goes to the file descriptors.
    environment.pop("PYTEST_CURRENT_TEST", None)
    return environment


def _wait_until_it_serves(process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(5 * START_SECONDS):
        if "is running at" in log.read_text():
            return
        # Waiting for its end is how a server that dies at once is told from one that takes its time.
        with suppress(subprocess.TimeoutExpired):
            raise RuntimeError(f"The server ended with status {process.wait(0.2)} at its start; its log is {log}.")
    raise RuntimeError(f"The server did not start within {START_SECONDS} s; its log is {log}.")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _text(outputs: list[dict[str, object]]) -> str:
    return "".join(_text_of(output) for output in outputs)


def _text_of(output: dict[str, object]) -> str:
    if output["output_type"] == "error":
        raise RuntimeError(f"The cell failed: {output['ename']}: {output['evalue']}\n{output['traceback']}")
    data = output.get("data", {})
    text = output.get("text") or (data.get("text/plain", "") if isinstance(data, dict) else "")
    return "".join(text) if isinstance(text, list) else str(text)
