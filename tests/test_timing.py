"""A test that takes too long fails unless it is marked as slow."""

from __future__ import annotations

import pytest

from tests import timing

pytest_plugins = ["pytester"]

SUITE = """
import time, pytest
@pytest.fixture
def slow_fixture():
    time.sleep(0.05)
def test_short(): pass
def test_long(): time.sleep(0.05)
def test_long_set_up(slow_fixture): pass
@pytest.mark.slow
def test_marked(slow_fixture): time.sleep(0.05)
def test_wrong(): assert not time.sleep(0.05) and False
"""


def test_what_takes_too_long_fails_without_the_marker(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makeini("[pytest]\nmarkers =\n  slow: x\n  e2e: x\n")
    pytester.makepyfile(SUITE)
    with monkeypatch.context() as patched:
        patched.setattr(timing, "SOAK", False)
        patched.setattr(timing, "find_allowed_seconds", lambda: 0.03)
        result = pytester.runpytest_inprocess("-p", "tests.timing", "-p", "no:cacheprovider", "-p", "no:xdist")
    result.assert_outcomes(passed=2, failed=2, errors=1)
    result.stdout.fnmatch_lines(["*The call of *test_long took * s; 0.0 s are allowed at this load. Make it shorter*"])
    result.stdout.fnmatch_lines(["*The setup of *test_long_set_up took *"])


def test_more_is_allowed_at_a_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    for load, seconds in ((0.5, 10), (2.0, 10), (5.0, 25)):
        monkeypatch.setattr("os.getloadavg", lambda load=load: (load, 0.0, 0.0))
        assert timing.find_allowed_seconds() == seconds
