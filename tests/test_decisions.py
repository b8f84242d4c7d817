"""Decision records have one form, are listed, and name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
HEAD = re.compile(
    r"# (?P<number>\d{4}): (?P<title>.+)\n\n- Status: (?P<status>accepted|superseded by \[\d{4}\]\(\d{4}-[\w-]+\.md\))"
    r"\n- Date: (?P<date>\d{4}-\d\d-\d\d(?:, changed \d{4}-\d\d-\d\d)?)\n\n"
)
PARTS = ["Context", "Decision", "Alternatives", "Consequences", "Enforced by"]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name[:4])
def test_record_has_the_parts_of_a_record_and_names_tests_that_exist(record: Path) -> None:
    text = record.read_text()
    head = HEAD.match(text)
    assert head, "the head is not as docs/decisions/README.md has it"
    assert head["number"] == record.name[:4]
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    assert parts[::2] == PARTS
    assert all(part.strip() for part in parts[1::2])
    tests = re.findall(r"^- `(tests/[\w/.]+)`", parts[-1], re.MULTILINE)
    assert tests or head["status"] != "accepted"
    assert [test for test in tests if not (ROOT / test).is_file()] == []


def test_each_record_is_listed_with_its_head_and_numbers_follow_each_other() -> None:
    rows = re.findall(
        r"^\| \[(\d{4})\]\((.+?)\) \| (.+) \| (.+) \| (.+) \|$", (FOLDER / "README.md").read_text(), re.MULTILINE
    )
    heads = [(record, HEAD.match(record.read_text())) for record in RECORDS]
    assert rows == [
        (head["number"], record.name, head["title"], head["status"], head["date"]) for record, head in heads if head
    ]
    assert [int(number) for number, *_ in rows] == list(range(1, len(RECORDS) + 1))
