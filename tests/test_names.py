"""No definition of the package or of the tests has a name that the code base no longer uses."""

from __future__ import annotations

from pathlib import Path

from tests.retired_names import ROOT, list_files, list_retired_names


def test_no_definition_has_a_retired_name() -> None:
    hits = [
        f"{file.relative_to(ROOT)}:{line}: {kind} {name}"
        for file in list_files()
        for line, kind, name in list_retired_names(file)
    ]
    assert hits == []


def test_each_kind_of_definition_is_found(tmp_path: Path) -> None:
    file = tmp_path / "known.py"
    file.write_text(
        "AT_ONCE = 1\nclass Keeper:\n    def settle(self, given): return [one for one in given]\n"
        "def _of_release():\n    found = 1\n    return lambda said: found\n"
    )
    kinds = [(kind, name) for _, kind, name in list_retired_names(file)]
    assert kinds == [
        ("module", "known"),
        ("constant", "AT_ONCE"),
        ("class", "Keeper"),
        ("function", "settle"),
        ("argument", "given"),
        ("local", "one"),
        ("function", "_of_release"),
        ("local", "found"),
        ("argument", "said"),
    ]
