"""Client reports: what an SDK has discarded, by reason and category."""

from __future__ import annotations

from typing import Any

from gql_releases.domain.events.outcomes import ItemOutcome, OutcomeCount

MAX_ROWS = 100
MAX_QUANTITY = 1_000_000
OTHER = "other"

REASONS = frozenset({
    "backpressure", "batch_size", "before_send", "buffer_overflow", "cache_overflow", "callback_timeout", "event_processor",
    "ignored", "insufficient_data", "internal_sdk_error", "invalid", "no_parent_span", "network_error", "queue_overflow",
    "ratelimit_backoff", "sample_rate", "send_error", "serialize_error", "span_limit", "too_large",
})  # fmt: skip
"""Other reasons are counted as `other`: the key is public, and its holder could fill the table with names.

Source: https://develop.sentry.dev/sdk/telemetry/client-reports/
"""
REPORTED_CATEGORIES = frozenset({
    "attachment", "attachment_item", "default", "error", "feedback", "log_byte", "log_item", "metric_bucket", "monitor",
    "profile", "profile_chunk", "profile_chunk_ui", "profile_duration", "replay", "security", "session", "span",
    "trace_metric", "transaction",
})  # fmt: skip


def parse_client_report(data: Any) -> list[OutcomeCount] | None:
    """Return the counts of a report of parsed JSON; None if it is none."""
    rows = data.get("discarded_events") if type(data) is dict else None
    if type(rows) is not list:
        return None
    counts = []
    for row in rows[:MAX_ROWS]:
        quantity = row.get("quantity") if type(row) is dict else None
        if type(quantity) is not int or quantity <= 0:
            continue
        reason, category = row.get("reason"), row.get("category")
        counts.append(
            OutcomeCount(
                ItemOutcome.CLIENT_DISCARD,
                reason if type(reason) is str and reason in REASONS else OTHER,
                category if type(category) is str and category in REPORTED_CATEGORIES else OTHER,
                min(quantity, MAX_QUANTITY),
            )
        )
    return counts
