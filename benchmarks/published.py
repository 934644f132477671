"""Which recorded and published numbers does our own code reproduce?

    python benchmarks/published.py [SECTION...] --data DIR [--details FILE]

One JSON line a section on standard output, tables on standard error. A section whose data DIR lacks is skipped by name.
Exit codes: 0 all held (or nothing could be checked, which is said), 1 a miss, 2 no such section or folder.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import IO

from plurijudge.benchmarks.section import Missing, Section

HERE = Path(__file__).resolve().parent
Run = Callable[[Path], Section]


def sections() -> list[str]:
    """Name the sections: one file each in `sections/`."""
    return sorted(path.stem for path in (HERE / "sections").glob("*.py") if not path.stem.startswith("_"))


def runner(name: str) -> Run:
    """Give the function that runs a section."""
    run: Run = import_module(f"plurijudge.benchmarks.sections.{name}").run
    return run


def report(name: str, data: Path, details: IO[str] | None) -> bool | None:
    """Run one section and print its line. True if all held, False on a miss, None if it was skipped."""
    try:
        section = runner(name)(data)
    except Missing as lacking:
        print(json.dumps({"section": name, "skipped": f"{lacking} is not there"}), flush=True)
        return None
    line = {"section": name, "matched": section.matched, "total": section.total, "misses": section.misses}
    line |= {more: told for more in ("figures", "notes") if (told := getattr(section, more))}
    print(json.dumps(line, ensure_ascii=False), flush=True)
    for title, table in section.tables.items():
        print(f"\n{name}: {title}", file=sys.stderr)
        for key, count in sorted(table.items(), key=lambda cell: (-cell[1], cell[0])):
            print(f"  {count:7d}  {key}", file=sys.stderr)
    for row in section.details if details else ():
        assert details is not None
        details.write(json.dumps(row, ensure_ascii=False) + "\n")
    return not section.misses and section.matched == section.total


def main(arguments: list[str] | None = None) -> int:
    """Run the sections that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("section", nargs="*", help=f"of: {', '.join(sections())}")
    parser.add_argument("--data", type=Path, required=True, help="the folder of recorded data")
    parser.add_argument(
        "--details", type=Path, help="write differing rows here, one JSON object a line; they hold judged text"
    )
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.section) - set(sections()))
    if unknown:
        parser.error(f"no section named {', '.join(unknown)}; there are {', '.join(sections())}")
    details = options.details.open("w", encoding="utf-8") if options.details else None
    try:
        results = [report(name, options.data, details) for name in options.section or sections()]
    finally:
        if details:
            details.close()
    if all(result is None for result in results):
        print(f"Nothing was checked: {options.data} holds no data for any section.", file=sys.stderr)
    return 1 if False in results else 0


if __name__ == "__main__":
    sys.exit(main())
