"""The gate in front of schema changes that break clients."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def gate() -> Any:
    spec = importlib.util.spec_from_file_location("schema_changes", ROOT / ".ci" / "schema_changes.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("type Query { a: Int! }", "type Query { a: Int }", "Field Query.a changed type from Int! to Int."),
        ("type Query { a: Int b: Int }", "type Query { a: Int }", "Field Query.b was removed."),
        ("type Query { a: Int }", "type Query { a: Int! b: Int }", None),
        ("type Query { a: Int }", "type Query { a(x: Int!): Int }", "A required argument Query.a(x:) was added."),
        ("enum E { A B } type Query { a: E }", "enum E { A } type Query { a: E }", "Enum value E.B was removed."),
    ],
)
def test_change_that_breaks_clients_needs_a_line(gate: Any, before: str, after: str, expected: str | None) -> None:
    changes = gate.breaking_changes(before, after)
    assert changes == ([expected] if expected else [])
    assert gate.untold(changes, "# Changelog\n\n## 2.0.0\n\nAdded\n\n- something\n") == changes
    message = f"# Changelog\n\n## 2.0.0\n\nBreaking\n\n- {expected}\n\n## 1.0.0\n"
    assert gate.untold(changes, message) == []
    old = f"# Changelog\n\n## 2.0.0\n\n- x\n\n## 1.0.0\n\n- {expected}\n"
    assert gate.untold(changes, old) == changes, "only the newest section counts"


def test_changelog_names_what_breaks(gate: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate.main() == 0, capsys.readouterr().err
