"""Generates release notes from commits, as Markdown."""

from __future__ import annotations

import re
from typing import Any

SHOWN_COMMITS = 100
"""Commits that generated notes list; a last line has the number of further commits."""
_MARKUP = re.compile(r"([\\`*_\[\]<>])")


def notes_from_commits(commits: list[dict[str, Any]], total: int) -> str | None:
    """Return notes with a line for each commit, newest first, of `total` commits. None if there are no commits.

    A commit is a dict with `sha` and `message`, of which the first line is shown.
    """
    if not commits:
        return None
    lines = [_render_line(commit["sha"], commit["message"] or "") for commit in commits]
    if total > len(commits):
        lines.append(f"- and {total - len(commits)} more")
    return "\n".join(lines)


def _render_line(sha: str, message: str) -> str:
    subject = _MARKUP.sub(r"\\\1", message.strip().partition("\n")[0].strip())
    return f"- {subject} ({sha[:7]})" if subject else f"- {sha[:7]}"
