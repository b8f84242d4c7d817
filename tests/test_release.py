"""`make release` dates the changelog, marks the schema as released, commits and tags; or it changes nothing."""

from __future__ import annotations

import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = runpy.run_path(str(ROOT / ".ci" / "release.py"))
CHANGELOG = "# Changelog\n\n## 1.2.0 (unreleased)\n\nAdded\n\n- A field.\n\n## 1.1.0 (2026-01-01)\n\n- Old.\n"
CannotRelease: type[Exception] = SCRIPT["CannotRelease"]


def git(root: Path, *words: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    return subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with a version that can be released."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "t")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "t@example.com")
    (tmp_path / "docs").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "schema.graphql").write_text("type Query { new: Int }\n")
    (tmp_path / "docs" / "released.graphql").write_text("type Query { old: Int }\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    git(tmp_path, "tag", "1.1.0")
    return tmp_path


def release(root: Path) -> Any:
    return SCRIPT["release"](root, "2026-12-01")


def test_release_is_committed_and_tagged(checkout: Path) -> None:
    assert release(checkout) == "1.2.0"
    dated = CHANGELOG.replace("(unreleased)", "(2026-12-01)")
    assert git(checkout, "show", "1.2.0:CHANGELOG.md") == dated
    assert git(checkout, "show", "1.2.0:docs/released.graphql") == "type Query { new: Int }\n"
    assert git(checkout, "log", "-1", "--format=%s").strip() == "Release 1.2.0"
    assert git(checkout, "status", "--porcelain") == ""
    with pytest.raises(CannotRelease, match=r"1\.2\.0 is tagged"):
        release(checkout)


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("pyproject.toml", '[project]\nversion = "1.1.0"\n', "1.1.0 is tagged"),
        ("pyproject.toml", '[project]\nversion = "1.0.9"\n', "1.1.0 is tagged"),
        ("pyproject.toml", '[project]\nversion = "1.2.0rc1"\n', "three numbers"),
        ("pyproject.toml", '[project]\nversion = "1.3.0"\n', r"is not `## 1.3.0 \(unreleased\)`"),
        ("CHANGELOG.md", CHANGELOG.replace("(unreleased)", "(2026-11-30)"), "first section"),
        ("CHANGELOG.md", CHANGELOG.replace("- A field.\n", ""), "no entry"),
        ("CHANGELOG.md", "# Changelog\n", "first section"),
    ],
)
def test_what_is_not_ready_is_not_released(checkout: Path, file: str, text: str, reason: str) -> None:
    (checkout / file).write_text(text)
    with pytest.raises(CannotRelease, match="not committed"):
        release(checkout)
    git(checkout, "commit", "--quiet", "--all", "--message", "second")
    with pytest.raises(CannotRelease, match=reason):
        release(checkout)
    assert git(checkout, "status", "--porcelain") == ""
    assert git(checkout, "tag", "--list").split() == ["1.1.0"]


def test_versions_are_compared_by_their_numbers() -> None:
    SCRIPT["check_version"]("0.10.0", ["0.9.0", "other"])
    with pytest.raises(CannotRelease):
        SCRIPT["check_version"]("0.9.0", ["0.10.0"])
