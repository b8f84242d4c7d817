"""Fall-backs are counted by name."""

from gql_releases.domain.counters import FALL_BACKS, count_fall_back


def test_a_fall_back_is_counted_under_its_name() -> None:
    before = FALL_BACKS["test"]
    count_fall_back("test")
    count_fall_back("test")
    assert FALL_BACKS["test"] - before == 2
