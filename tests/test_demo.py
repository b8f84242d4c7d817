"""The demo's token is kept in a file of its owner's and used again, so that starts leave no pile of tokens behind."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from gql_releases.commands.demo import fill, find_dsn, prepare, token_file, welcome
from gql_releases.commands.demo_files import ORIGINAL, STACK, VERSION
from gql_releases.domain.dates import now
from gql_releases.file_storage import open_files
from tests.conftest import Harness


def prepare_demo(harness: Harness, file: Path) -> str:
    token: str = harness.run(prepare(harness.store, open_files(harness.settings), file))
    assert file.read_text() == f"{token}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (
        harness.client.graphql("{ viewer { token { name } } }", token=token)["data"]["viewer"]["token"]["name"] == "make run"
    )
    return token


def count_tokens(harness: Harness) -> int:
    [(count,)] = harness.rows("SELECT count(*) FROM tokens WHERE name = 'make run'")
    return int(count)


def test_token_is_used_again_until_it_is_about_to_expire(harness: Harness, tmp_path: Path) -> None:
    file = tmp_path / "demo.token"
    first = prepare_demo(harness, file)
    assert [prepare_demo(harness, file) for _ in range(3)] == [first] * 3
    assert count_tokens(harness) == 1
    soon = (now() + timedelta(minutes=59)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    harness.rows(f"UPDATE tokens SET expires_at = '{soon}' WHERE name = 'make run'")
    assert prepare_demo(harness, file) != first
    assert count_tokens(harness) == 2


@pytest.mark.parametrize("content", ["", "no token", "gqlr_" + "a" * 43 + "_00000000", "\x00" * 100])
def test_file_without_a_valid_token_is_written_anew(harness: Harness, tmp_path: Path, content: str) -> None:
    file = tmp_path / "demo.token"
    file.write_text(content)
    file.chmod(0o644)
    prepare_demo(harness, file)
    assert count_tokens(harness) == 1


def test_token_that_is_revoked_or_another_organizations_is_not_used(harness: Harness, tmp_path: Path) -> None:
    file = tmp_path / "demo.token"
    first = prepare_demo(harness, file)
    harness.rows("UPDATE tokens SET revoked_at = '2026-01-01T00:00:00.000000Z' WHERE name = 'make run'")
    second = prepare_demo(harness, file)
    assert second != first
    file.write_text(harness.tokens["other"])
    assert prepare_demo(harness, file) not in (first, second, harness.tokens["other"])


def test_demo_has_a_dsn(harness: Harness, tmp_path: Path) -> None:
    token = prepare_demo(harness, tmp_path / "demo.token")
    dsn = harness.run(find_dsn(harness.store, "http://127.0.0.1:8000"))
    [key] = harness.client.rest("GET", "projects/acme/web/keys/", token=token).json
    assert dsn == f"http://{key['id']}@127.0.0.1:8000/1"
    text = welcome("http://127.0.0.1:8000", token, dsn)
    assert f"export SENTRY_DSN={dsn}\n" in text
    path = f"projects/acme/web/keys/{key['id']}/"
    assert harness.client.rest("PUT", path, {"isActive": False}, token=token).status == 200
    dsn = harness.run(find_dsn(harness.store, "http://127.0.0.1:8000"))
    assert key["id"] not in dsn
    assert harness.run(find_dsn(harness.store, "http://127.0.0.1:8000")) == dsn


def test_file_is_beside_the_database_or_in_the_current_folder() -> None:
    assert token_file("sqlite:////srv/store/releases.db") == Path("/srv/store/releases.db.token")
    assert token_file("postgresql://user@host/releases") == Path("gql-releases-demo.token")


def test_stack_of_the_demo_is_symbolicated(harness: Harness) -> None:
    harness.run(fill(harness.store, open_files(harness.settings)))
    document = """query($stack: String!, $version: String!) {
      symbolicate(input: {organization: "acme", project: "web", release: $version, stack: {text: $stack}}) {
        message complete text frames { file line column function contextLine resolvedWith } } }"""
    result = harness.client.graphql(document, {"stack": STACK, "version": VERSION})["data"]["symbolicate"]
    lines = ORIGINAL.splitlines()
    assert result == {
        "message": "TypeError: Lamp has no price",
        "complete": True,
        "text": "TypeError: Lamp has no price\n    at total (src/basket.ts:10:7)\n    at checkout (src/basket.ts:18:20)",
        "frames": [
            {"file": "src/basket.ts", "line": 10, "column": 7, "function": "total", "contextLine": lines[9], "resolvedWith": "URL"},
            {
                "file": "src/basket.ts", "line": 18, "column": 20, "function": "checkout", "contextLine": lines[17],
                "resolvedWith": "URL",
            },
        ],
    }  # fmt: skip


MISSING = {
    "another release": ({"release": "web@9"}, 'for the release "web@9" without a dist have not this URL'),
    "another dist": ({"release": VERSION, "dist": "7"}, f'for the release "{VERSION}" and the dist "7" have not this URL'),
    "no release": ({}, "Without a release only debug ids lead to uploaded files"),
}


@pytest.mark.parametrize("case", MISSING)
def test_frame_without_files_says_what_was_looked_for(harness: Harness, case: str) -> None:
    harness.run(fill(harness.store, open_files(harness.settings)))
    more, sentence = MISSING[case]
    document = (
        "query($input: SymbolicateInput!) { symbolicate(input: $input) { complete frames { problem { code message } } } }"
    )
    node = "    at node:internal/modules/run:3:4"
    for stack, problems, is_complete in ((STACK, 2, False), (f"Error\n{node}", 0, True), ("no frames", 0, False)):
        values = {"organization": "acme", "project": "web", "stack": {"text": stack}, **more}
        result = harness.client.graphql(document, {"input": values})["data"]["symbolicate"]
        messages = [frame["problem"]["message"] for frame in result["frames"] if frame["problem"]]
        assert (len(messages), result["complete"]) == (problems, is_complete)
        assert all(sentence in message for message in messages)
