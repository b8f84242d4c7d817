"""GraphiQL's examples: one for each mutation, all of them valid, and they work on the demo in their order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse, validate

from gql_releases.commands import demo
from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
from gql_releases.graphql_api.schema.build import build_schema
from gql_releases.storage.schema.migrate import migrate
from gql_releases.storage.store import open_store
from tests.client import Client

FOLDER = Path(__file__).parents[2] / "graphiql" / "src" / "examples"
MISSING_OBJECTS = {
    "36-revokeToken": "TOKEN_NOT_FOUND",
    "40-deleteDebugFile": "DEBUG_FILE_NOT_FOUND",
}
"""Examples about objects that the demo does not have, with their error."""
FILES = sorted(FOLDER.glob("*.graphql"))


def read_variables(file: Path) -> dict[str, Any]:
    beside = file.with_suffix(".json")
    result: dict[str, Any] = json.loads(beside.read_text()) if beside.exists() else {}
    return result


def test_every_mutation_has_an_example() -> None:
    schema = core_schema(build_schema())
    assert schema.mutation_type
    titles = {file.read_text().partition("\n")[0] for file in FILES}
    assert {f"# {name}" for name in schema.mutation_type.fields} - titles == set()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_example_is_valid(file: Path) -> None:
    document = parse(file.read_text())
    assert validate(core_schema(build_schema()), document) == []
    operations = [definition for definition in document.definitions if isinstance(definition, OperationDefinitionNode)]
    assert len(operations) == 1, "an example is one operation"
    assert operations[0].name, "with a name, which its tab has"


def test_examples_work_on_the_demo_in_their_order(tmp_path: Path) -> None:
    from gql_releases.app import create_app
    from gql_releases.file_storage import open_files
    from gql_releases.settings import Settings

    url = f"sqlite:///{tmp_path}/demo.db"
    migrate(url)
    store = open_store(url)
    settings = Settings(database_url=url)
    client = Client(create_app(settings, store))
    client.token = client.runner.run(demo.prepare(store, open_files(settings), tmp_path / "demo.token"))
    for file in FILES:
        answer = client.graphql(file.read_text(), read_variables(file))
        assert "errors" not in answer, (file.stem, answer)
        (shown,) = answer["data"].values()
        if shown and "userErrors" in shown:
            expected = [MISSING_OBJECTS[file.stem]] if file.stem in MISSING_OBJECTS else []
            assert [error["code"] for error in shown["userErrors"]] == expected, file.stem
        else:
            assert shown is not None
            assert None not in shown.values(), file.stem
    client.runner.run(store.close())
    client.close()
