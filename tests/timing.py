"""The rule of the tests' time: one that takes longer than SLOW_SECONDS fails unless it has the marker `slow`."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

from tests.scale import SOAK

SLOW_SECONDS = 10.0
"""Seconds that a test's set-up or call may take where no more processes want to run than there are processors."""
EXEMPT = ("slow", "e2e")


def find_load_factor() -> float:
    """Return by how much limits of time grow now: in proportion where the load average is above the number of processors."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def find_allowed_seconds() -> float:
    """Return the seconds that are allowed now."""
    return SLOW_SECONDS * find_load_factor()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a set-up or a call that took too long. A tear-down may: it is that of many tests."""
    report = yield
    allowed = find_allowed_seconds()
    if call.when == "teardown" or SOAK or call.duration <= allowed or any(map(item.get_closest_marker, EXEMPT)):
        return report
    if report.passed:
        report.outcome = "failed"
        report.longrepr = (
            f"The {call.when} of {item.nodeid} took {call.duration:.1f} s; {allowed:.1f} s are allowed at this load. "
            "Make it shorter, or give it the marker slow (tests/README.md)."
        )
    return report
