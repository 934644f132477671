"""What does the README's picture show? The real output of the demo's second judge, drawn as SVG."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Run the command on the demo's store and write docs/demo.svg."""
    db = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "demo" / "demo.db")
    command = ["show", "last", "--limit", "9"]
    done = subprocess.run(
        [sys.executable, "-m", "plurijudge", *command, "--db", db], capture_output=True, text=True, check=True, cwd="/"
    )
    lines = [f"$ plurijudge {' '.join(command)}", *done.stdout.rstrip().splitlines()]
    console = Console(record=True, width=max(map(len, lines)) + 1, file=sys.stderr)
    for line in lines:
        console.print(Text(line.rstrip()), soft_wrap=True)
    drawn = console.export_svg(title="plurijudge", theme=MONOKAI)
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)  # no fonts from elsewhere
    drawn = re.sub(r"<!--.*?-->\s*", "", drawn, flags=re.DOTALL)
    (ROOT / "docs" / "demo.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
