"""The harness keeps its plan: sizes, error tables, words."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gql_releases.domain.errors import ErrorCode
from gql_releases.graphql_api.execution.errors import EXECUTION_CODES, PAYLOAD_CODES
from gql_releases.graphql_api.execution.schema_check import UnboundField, check_schema
from gql_releases.graphql_api.execution.strawberry_adapter import DEFINITION, core_schema
from gql_releases.graphql_api.schema.build import build_schema
from gql_releases.rest_api.engine.errors import STATUSES
from gql_releases.storage.entities import list_readable_attributes

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "gql_releases").rglob("*.py"))
OURS = [path for path in SOURCES if "versions" not in path.parts]


def test_files_and_functions_stay_small() -> None:
    for path in OURS:
        text = path.read_text()
        assert text.count("\n") <= 500, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno <= 60, (path, node.name)


def test_every_module_class_and_public_function_says_what_it_is_for() -> None:
    missing = []
    for path in OURS:
        tree = ast.parse(path.read_text())
        if not ast.get_docstring(tree):
            missing.append(str(path))
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node):
                missing.append(f"{path}: {node.name}")
        for node in tree.body:
            if (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and not node.name.startswith("_")
                and not ast.get_docstring(node)
            ):
                missing.append(f"{path}: {node.name}")
    assert missing == []


def test_error_tables_cover_the_codes_exactly() -> None:
    assert set(STATUSES) == set(ErrorCode)
    assert set(ErrorCode) == PAYLOAD_CODES | EXECUTION_CODES
    assert set() == PAYLOAD_CODES & EXECUTION_CODES


def test_only_the_dialects_know_which_database_it_is() -> None:
    users = [path.name for path in OURS if re.search(r"\bsql\.name\b", path.read_text())]
    assert users == []


def test_every_code_is_raised_somewhere() -> None:
    text = "".join(path.read_text() for path in OURS if path.name != "errors.py" or "domain" in path.parts)
    unused = [code.name for code in ErrorCode if text.count(f"ErrorCode.{code.name}") == 0]
    assert unused == []


def test_schema_whose_field_a_plan_would_skip_is_refused() -> None:
    schema = core_schema(build_schema())
    check_schema(schema, list_readable_attributes())
    without = {name: dict(result) for name, result in list_readable_attributes().items()}
    del without["Release"]["version"]
    with pytest.raises(UnboundField, match=r"Release\.(version|shortVersion)"):
        check_schema(schema, without)
    with pytest.raises(UnboundField, match="the node Release is not an entity"):
        check_schema(schema, {name: result for name, result in list_readable_attributes().items() if name != "Release"})
    nullable = {name: dict(result) for name, result in list_readable_attributes().items()}
    nullable["Release"]["version"] = ("column", True, None)
    with pytest.raises(UnboundField, match="can be NULL"):
        check_schema(schema, nullable)
    apart = {name: dict(result) for name, result in list_readable_attributes().items()}
    apart["Release"]["raw"] = ("column", True, None)
    with pytest.raises(UnboundField, match="raw can be NULL"):
        check_schema(schema, apart)
    field = schema.type_map["Release"].fields["ref"]  # type: ignore[attr-defined]
    field.extensions[DEFINITION].extensions.append(object())
    with pytest.raises(UnboundField, match="which a plan would skip"):
        check_schema(schema, list_readable_attributes())
    field.extensions[DEFINITION].extensions.clear()


def test_serving_loads_nothing_that_it_does_not_need() -> None:
    """Alembic is for tables that are out of date, rich for the progress of an import: each costs start and memory."""
    code = "import sys, gql_releases.cli; print([name for name in ('alembic', 'mako', 'rich') if name in sys.modules])"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert process.stdout == "[]\n"
