"""Sums of sessions, and the fields that are computed from them."""

from __future__ import annotations

from dataclasses import dataclass

COUNTED = ("sessions", "crashed", "errored", "abnormal", "unhandled")
"""What is summed; each session counts under its worst status alone, and among `sessions`."""
MAX_GROUPS = 10_000
"""Groups and intervals of an answer."""


@dataclass(slots=True)
class SessionCounts:
    """Sums of the sessions and users of a group."""

    sessions: int = 0
    crashed: int = 0
    errored: int = 0
    abnormal: int = 0
    unhandled: int = 0
    users: int = 0
    crashed_users: int = 0

    def add(self, counts: list[int]) -> None:
        """Add sums in the order of COUNTED."""
        for name, count in zip(COUNTED, counts, strict=True):
            setattr(self, name, getattr(self, name) + count)

    @property
    def healthy(self) -> int:
        """The sessions without an error."""
        return self.sessions - self.crashed - self.errored - self.abnormal - self.unhandled

    def compute(self, field: str) -> int | float | None:
        """Return the value of a field of SESSION_FIELDS; a rate without sessions or users is None."""
        name, _, kind = field.rstrip(")").partition("(")
        if name in ("sum", "count_unique"):
            return self.users if kind == "user" else self.sessions
        total, crashed = (self.users, self.crashed_users) if kind == "user" else (self.sessions, self.crashed)
        counts = {
            "crash_rate": crashed,
            "crash_free_rate": total - crashed,
            "errored_rate": self.errored,
            "abnormal_rate": self.abnormal,
            "unhandled_rate": self.unhandled,
            "unhealthy_rate": self.sessions - self.healthy,
        }
        return counts[name] / total if total else None


SESSION_RATES = ("crash_free_rate", "crash_rate", "errored_rate", "abnormal_rate", "unhandled_rate", "unhealthy_rate")
SESSION_FIELDS = (
    "sum(session)",
    "count_unique(user)",
    *[f"{rate}(session)" for rate in SESSION_RATES],
    *[f"{rate}(user)" for rate in SESSION_RATES[:2]],
)
"""The fields of Sentry's API that are computed."""
STATUSES = ("healthy", "errored", "unhandled", "abnormal", "crashed")
"""The groups of `session.status`."""
