"""Makes a release of the product: `make release`, on a clean checkout.

Checks that pyproject.toml has a new version and that the changelog's first section is about it, dates that section,
marks the schema as released, commits, and tags the commit with the version. Nothing is pushed.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

HEADING = re.compile(r"^## (\S+)(?: \((.*)\))?$", re.MULTILINE)
UNRELEASED = "unreleased"
VERSION = re.compile(r"\d+\.\d+\.\d+")


class CannotRelease(Exception):
    """A reason why there is no release."""


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, by which versions are compared."""
    return tuple(int(number) for number in version.split("."))


def check_version(version: str, tags: list[str]) -> None:
    """Raise CannotRelease unless a version has three numbers and is newer than each that is tagged."""
    if not VERSION.fullmatch(version):
        raise CannotRelease(f"The version in pyproject.toml is {version}: it needs three numbers.")
    released = [tag for tag in tags if VERSION.fullmatch(tag)]
    newest = max(released, key=numbers, default=None)
    if newest and numbers(version) <= numbers(newest):
        raise CannotRelease(f"The version in pyproject.toml is {version}, but {newest} is tagged: raise it.")


def date_section(changelog: str, version: str, date: str) -> str:
    """Return the changelog with the date in its first section's heading. Raises CannotRelease where that is another's."""
    heading = HEADING.search(changelog)
    if heading is None or heading.groups() != (version, UNRELEASED):
        raise CannotRelease(f"The first section of CHANGELOG.md is not `## {version} ({UNRELEASED})`.")
    following = HEADING.search(changelog, heading.end())
    section = changelog[heading.end() : following.start() if following else None]
    if not re.search(r"^- \S", section, re.MULTILINE):
        raise CannotRelease(f"The section of {version} in CHANGELOG.md has no entry.")
    return f"{changelog[: heading.start()]}## {version} ({date}){changelog[heading.end() :]}"


def git(root: Path, *words: str) -> str:
    """Return what a git command prints."""
    command = ["git", *words]  # the git of PATH
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def release(root: Path, date: str) -> str:
    """Commit and tag the release of a checkout, and return its version. Raises CannotRelease and changes nothing."""
    version: str = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    if git(root, "status", "--porcelain"):
        raise CannotRelease("The checkout has changes that are not committed (git status shows them).")
    check_version(version, git(root, "tag", "--list").split())
    changelog = date_section((root / "CHANGELOG.md").read_text(), version, date)
    (root / "CHANGELOG.md").write_text(changelog)
    (root / "docs" / "released.graphql").write_text((root / "schema.graphql").read_text())
    git(root, "commit", "--quiet", "--all", "--message", f"Release {version}")
    git(root, "tag", "--annotate", "--message", f"Release {version}", version)
    return version


def main() -> int:
    """Make the release, or print why there is none."""
    try:
        version = release(Path(__file__).parents[1], f"{datetime.now(UTC):%Y-%m-%d}")
    except CannotRelease as reason:
        print(reason, file=sys.stderr)
        return 1
    print(f"{version} is committed and tagged. Push both: git push --follow-tags")
    return 0


if __name__ == "__main__":
    sys.exit(main())
