"""Events of the reports that browsers send about violations of a Content-Security-Policy."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

MAX_REPORTS = 20
"""Reports of a request."""
_NAMES = {
    "effectiveDirective": "effective_directive",
    "blockedURL": "blocked_uri",
    "documentURL": "document_uri",
}
"""Field of the Reporting API -> that of an event."""


def build_csp_events(data: Any, query: str, user_agent: str | None) -> list[dict[str, Any]]:
    """Return the events of parsed JSON: a `csp-report`, or a list of the Reporting API; none if it is neither.

    The query names the release and the environment. Source: https://docs.sentry.io/security-legal-pii/security/
    """
    if type(data) is dict:
        reports = [data.get("csp-report")]
    elif type(data) is list:
        violations = [item for item in data[:MAX_REPORTS] if type(item) is dict and item.get("type") == "csp-violation"]
        reports = [_rename_fields(violation.get("body")) for violation in violations]
    else:
        reports = []
    values = parse_qs(query)
    common: dict[str, Any] = {
        name: values[parameter][0]
        for name, parameter in (("release", "sentry_release"), ("environment", "sentry_environment"))
        if parameter in values
    }
    if user_agent:
        common["request"] = {"headers": {"User-Agent": user_agent}}
    return [
        {**common, "csp": report, "logger": "csp", "level": "error", "platform": "other"}
        for report in reports
        if type(report) is dict and report
    ]


def _rename_fields(body: Any) -> Any:
    return {_NAMES.get(name, name): value for name, value in body.items()} if type(body) is dict else None
