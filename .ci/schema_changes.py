"""Demands a line in CHANGELOG.md for each change of the schema that breaks clients of the last released one.

`docs/released.graphql` is the schema that clients were given last; `make released` puts the present one in its place.
A breaking change is named in the changelog's first section by the text that graphql-core has for it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from graphql import build_schema
from graphql.utilities import find_breaking_changes

ROOT = Path(__file__).parents[1]


def breaking_changes(released: str, present: str) -> list[str]:
    """List what a client of the released schema would trip over in the present one."""
    return [change.description for change in find_breaking_changes(build_schema(released), build_schema(present))]


def newest_section(changelog: str) -> str:
    """Give the changelog's first section."""
    return "".join(changelog.split("\n## ")[1:2])


def untold(changes: list[str], changelog: str) -> list[str]:
    """List the changes that the changelog's first section does not name."""
    said = " ".join(newest_section(changelog).split())
    return [change for change in changes if change not in said]


def main() -> int:
    """Print what is missing, and fail if anything is."""
    released = (ROOT / "docs" / "released.graphql").read_text()
    changes = breaking_changes(released, (ROOT / "schema.graphql").read_text())
    missing = untold(changes, (ROOT / "CHANGELOG.md").read_text())
    if missing:
        print(
            "The schema breaks clients of docs/released.graphql. Say so under `Breaking` in CHANGELOG.md:", file=sys.stderr
        )
        for change in missing:
            print(f"- {change}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
