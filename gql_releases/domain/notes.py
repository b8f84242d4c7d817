"""Release notes where nobody wrote some: Markdown made from commits."""

from __future__ import annotations

import re
from typing import Any

SHOWN_COMMITS = 100
"""Commits that made-up notes list; a line says how many more there are."""
_MARKUP = re.compile(r"([\\`*_\[\]<>])")


def notes_from_commits(commits: list[dict[str, Any]], total: int) -> str | None:
    """Write notes from commits, newest first, of which there are `total`: a line each. None where there are none.

    A commit is a dict with `sha` and `message`; the first line of a message stands for it.
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
