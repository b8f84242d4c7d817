"""Writes a migration: `make migration m="what it does"`. Read it before you commit it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gql_releases.storage.schema.migrate import write_revision

ROOT = Path(__file__).parents[1]


def main(message: str) -> int:
    """Write the migration, remove its unused imports, and print its path."""
    if not message.strip():
        print('A migration needs a message: make migration m="add a column for tags to releases"', file=sys.stderr)
        return 2
    script = write_revision(message.strip())
    if script is None:
        print("The migrations make all tables that the code declares: there is nothing to write.")
        return 0
    format_script(script)
    print(
        f"Wrote {script.relative_to(ROOT)}: add what rows need, and test it on both databases"
        " (make test T=tests/migrations)."
    )
    return 0


def format_script(script: Path) -> None:
    """Remove unused imports and format the lines, which may be long; `make check` reports what is left."""
    for options in (["check", "--fix", "--exit-zero", "--silent"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *options, "--config", ROOT / "pyproject.toml", script], check=True)


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
