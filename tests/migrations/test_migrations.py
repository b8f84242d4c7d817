"""Migrations make what the code declares, and lose nothing on the way."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from gql_releases.storage.migrating import current, differences, head, migrate
from tests.conftest import House, Template
from tests.factories import commit, release


def test_empty_database_migrates_to_what_the_code_declares(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    assert current(url) is None
    migrate(url)
    assert current(url) == head()
    assert differences(url) == []
    migrate(url)
    assert differences(url) == []


def test_up_down_up_on_a_filled_database(template: Template, tmp_path: Path) -> None:
    house = House(template, tmp_path)
    assert house.client.rest("POST", "organizations/acme/releases/", release(commits=[commit()])).status == 201
    house.close()
    url = house.settings.database_url
    kept = tmp_path / "kept.db"
    shutil.copy(house.path, kept)
    migrate(url, "base")
    assert current(url) is None
    migrate(url)
    assert differences(url) == []
    rows = sqlite3.connect(kept)
    assert rows.execute("SELECT count(*) FROM releases").fetchone() == (1,)
    rows.close()


def test_identifiers_compare_byte_by_byte(template: Template, tmp_path: Path) -> None:
    house = House(template, tmp_path)
    for version in ("a", "A", "ä", "a "):
        assert house.client.rest("POST", "organizations/acme/releases/", release(version)).status == 201
    house.close()


def test_no_reference_leaves_its_organization(template: Template, tmp_path: Path) -> None:
    """Foreign keys are composite with organization_id: the database itself refuses."""
    path = tmp_path / "x.db"
    shutil.copy(template.path, path)
    rows = sqlite3.connect(path)
    rows.execute("PRAGMA foreign_keys=ON")
    rows.execute("INSERT INTO repositories (organization_id, name, date_created) VALUES (2, 'r', 'x')")
    with pytest.raises(sqlite3.IntegrityError):
        rows.execute("INSERT INTO commits (organization_id, repository_id, sha, date_created) VALUES (1, 1, 's', 'x')")
    rows.execute("INSERT INTO commits (organization_id, repository_id, sha, date_created) VALUES (2, 1, 's', 'x')")
    rows.close()
