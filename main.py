"""Entry point of `plurijudge` and of `python main.py`, installed or not."""

from __future__ import annotations

import sys
from importlib import util
from pathlib import Path


def _adopt_checkout() -> None:
    """Make this folder the package `plurijudge`, and stop its folders from shadowing other packages."""
    root = Path(__file__).resolve().parent
    sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != root]
    spec = util.spec_from_file_location("plurijudge", root / "__init__.py", submodule_search_locations=[str(root)])
    assert spec is not None and spec.loader is not None
    package = sys.modules["plurijudge"] = util.module_from_spec(spec)
    spec.loader.exec_module(package)


def main() -> None:
    """Run the command line."""
    from plurijudge.console.app import run

    run()


if __name__ == "__main__":
    _adopt_checkout()
    main()
