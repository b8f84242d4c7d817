"""`make migration` writes the changes that the declared tables need."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

from gql_releases.storage.schema import migrate

pytestmark = pytest.mark.sqlite


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the versions in a copy of the migrations, into which new ones are written."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)
    return folder / "versions"


def test_nothing_is_written_where_nothing_differs(versions: Path) -> None:
    scripts = sorted(versions.iterdir())
    assert migrate.write_revision("nothing") is None
    assert sorted(path for path in versions.iterdir() if path.suffix == ".py") == scripts


def test_written_migration_creates_missing_columns(versions: Path, tmp_path: Path) -> None:
    for newer in [script for script in versions.glob("[0-9]*.py") if script.name > "0010"]:
        newer.unlink()
    script = migrate.write_revision("fold versions again")
    assert script == versions / "0010_fold_versions_again.py"
    text = script.read_text()
    assert text.startswith('"""fold versions again."""')
    assert "down_revision = '0009'" in text
    assert "folded_version" in text
    url = f"sqlite:///{tmp_path}/store.db"
    migrate.migrate(url)
    assert migrate.current_revision(url) == "0010"
    assert migrate.list_differences(url) == []
    migrate.migrate(url, "0009")
    assert migrate.current_revision(url) == "0009"


def test_long_lines_of_a_written_migration_are_formatted(tmp_path: Path) -> None:
    script = tmp_path / "0011_labels.py"
    arguments = ", ".join(f"sa.Column('column_{number}', Id, nullable=False)" for number in range(4))
    script.write_text(f"import sqlalchemy as sa\nfrom alembic import op\n\nop.create_table('labels', {arguments})\n")
    commands = runpy.run_path(str(Path(__file__).parents[2] / ".ci" / "new_migration.py"))
    commands["format_script"](script)
    text = script.read_text()
    assert '    sa.Column("column_3", Id, nullable=False),\n' in text
