"""A number in a JSON body is kept as it was written, or refused at its path: both APIs, small bodies and large ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gql_releases.commands.import_file import import_file
from gql_releases.domain.numbers import WrittenNumber, read_integer
from gql_releases.web.http import parse_exact_json, parse_json
from gql_releases.web.large_bodies import LARGE_BODY_BYTES, MAX_UNINTERRUPTED_JSON_BYTES, parse_large_json
from tests.client import Client
from tests.conftest import Harness

INTEGERS = [
    "0", "-0", "7", "-7", "2147483648", "9007199254740993", "9223372036854775807", "9223372036854775808",
    "-9223372036854775809", "18446744073709551616", "123456789012345678901234567890", "1" * 199,
]  # fmt: skip
LONG_INTEGERS = ["2" * 400, "-" + "3" * 5_000]
FLOATS = [
    "1.0", "1.10", "-0.0", "0.1", "0.10000000000000000001", "1e5", "1E5", "1e+5", "10e-1", "1e-7", "1e-400",
    "2.5e307", "1.7976931348623157e308", "12345678901234567890.5", "1.0000000000000000001",
]  # fmt: skip
OUT_OF_RANGE = ["1e400", "-1e400", "1.8e308", "1e99999999999999999999"]
SIZES = {"small": 0, "large": LARGE_BODY_BYTES + 1, "very large": MAX_UNINTERRUPTED_JSON_BYTES + 1}
"""Bytes of a body: each has a parser of its own."""
TEXTS = {
    "version": ('{"version": %s, "projects": ["web"]}', ["version"]),
    "ref": ('{"version": "v", "projects": ["web"], "ref": %s}', ["ref"]),
    "sha": ('{"version": "v", "projects": ["web"], "commits": [{"id": "a"}, {"id": %s}]}', ["commits", "id"]),
    "author": (
        '{"version": "v", "projects": ["web"], "commits": [{"id": "a", "author_name": %s}]}',
        ["commits", "author_name"],
    ),
}
"""Fields of a creation over REST that are texts: the body, and the path of an error."""
CREATE = "mutation ($i: CreateReleaseInput!) {createRelease(input: $i) {release {metadata} userErrors {code message field}}}"
METADATA = (
    '{"query": "%s", "variables": {"i": {"organization": "acme", "projects": ["web"], "version": "%s", "metadata": %s}}}'
)


def fill(body: str, size: int) -> bytes:
    """Make a body as large as a parser's bound."""
    return body.encode() + b" " * max(0, size - len(body))


def read_back(client: Client, field: str) -> Any:
    """Return what was stored for the text."""
    if field == "version":
        (release,) = client.rest("GET", "organizations/acme/releases/").json
        return release["version"]
    if field == "ref":
        return client.rest("GET", "organizations/acme/releases/v/").json["ref"]
    commits = client.rest("GET", "organizations/acme/releases/v/commits/").json
    return commits[-1]["id"] if field == "sha" else commits[0]["author"]["name"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("field", TEXTS)
def test_number_for_a_text_is_stored_as_it_was_written(client: Client, field: str, size: str) -> None:
    body, path = TEXTS[field]
    most = {"version": 200, "ref": 200, "sha": 64, "author": 128}[field]
    numbers = [*INTEGERS, *FLOATS] if size == "small" else ["-0", "1.10", "18446744073709551616", "1E5"]
    for number in numbers:
        answer = client.rest("POST", "organizations/acme/releases/", fill(body % number, SIZES[size]))
        if len(number) > most:
            assert answer.status == 400
            continue
        assert answer.status in (201, 208), (number, answer.body)
        assert read_back(client, field) == number
        client.rest("DELETE", f"organizations/acme/releases/{number if field == 'version' else 'v'}/")
    for number in [*OUT_OF_RANGE, *LONG_INTEGERS]:
        answer = client.rest("POST", "organizations/acme/releases/", fill(body % number, SIZES[size]))
        assert answer.status == 400, number
        result = answer.json
        for step in path:
            result = result[step]
        assert result == (
            ["Not a valid string."] if "e" in number else [f"Ensure this field has no more than {most} characters."]
        )
    assert client.rest("GET", "organizations/acme/releases/").json == []


def test_number_for_a_text_of_a_deploy_or_a_change_is_stored_as_it_was_written(client: Client) -> None:
    client.rest("POST", "organizations/acme/releases/", {"version": "v", "projects": ["web"]})
    for number in ("1.10", "-0", "123456789012345678901234567890", "1e5"):
        names = ("environment", "name", "externalId")
        body = "{" + ", ".join(f'"{name}": {number}' for name in names) + "}"
        answer = client.rest("POST", "organizations/acme/releases/v/deploys/", body.encode())
        assert answer.status == 201, answer.body
        assert [answer.json[name] for name in names] == [number] * 3
        answer = client.rest("PUT", "organizations/acme/releases/v/", f'{{"ref": {number}}}'.encode())
        assert answer.json["ref"] == number


@pytest.mark.parametrize("size", SIZES)
def test_number_in_metadata_is_stored_and_shown_as_it_was_written(harness: Harness, size: str) -> None:
    numbers = [*INTEGERS, *FLOATS] if size == "small" else ["-0", "1.10", "18446744073709551616", "1E5"]
    for index, number in enumerate(numbers):
        metadata = f'{{"n": {number}, "deep": [[{{"n": {number}}}]]}}'
        body = METADATA % (CREATE, f"{size}{index}", metadata)
        answer = harness.client.request("POST", "/graphql", fill(body, SIZES[size]))
        compact = metadata.replace(" ", "")
        assert f'"metadata":{compact}' in answer.body.decode(), number
        ((stored,),) = harness.rows(f"SELECT metadata_json FROM releases WHERE version = '{size}{index}'")
        assert stored == compact


@pytest.mark.parametrize("size", SIZES)
def test_number_beyond_the_range_is_refused_at_its_path_in_metadata(harness: Harness, size: str) -> None:
    for number in [*OUT_OF_RANGE, *LONG_INTEGERS]:
        body = METADATA % (CREATE, "v", f'{{"a": {{"n": [1, {number}]}}}}')
        payload = harness.client.request("POST", "/graphql", fill(body, SIZES[size])).json["data"]["createRelease"]
        (error,) = payload["userErrors"]
        assert error["field"] == ["metadata", "a", "n", "1"]
        assert error["code"] == "WRONG_TYPE"
        assert error["message"].startswith(number[:100])
    assert harness.rows("SELECT count(*) FROM releases") == [(0,)]


def test_number_in_a_literal_of_metadata_is_stored_as_it_was_written(harness: Harness) -> None:
    document = """mutation ($v: String) {createRelease(input: {
        organization: "acme", projects: ["web"], version: "VERSION", metadata: {n: NUMBER, deep: [[{n: NUMBER}]], v: $v}
    }) {release {metadata} userErrors {field}}}"""
    for index, number in enumerate([*INTEGERS, *FLOATS]):
        text = document.replace("NUMBER", number).replace("VERSION", str(index))
        answer = harness.client.request("POST", "/graphql", {"query": text})
        assert f'"metadata":{{"n":{number},"deep":[[{{"n":{number}}}]]}}' in answer.body.decode(), number
    for number in OUT_OF_RANGE + LONG_INTEGERS:
        text = document.replace("NUMBER", number).replace("VERSION", "v")
        errors = harness.client.graphql(text)["data"]["createRelease"]["userErrors"]
        assert [error["field"] for error in errors] == [["metadata", "n"], ["metadata", "deep", "0", "0", "n"]]


def test_metadata_of_an_update_is_kept_too(client: Client) -> None:
    client.rest("POST", "organizations/acme/releases/", {"version": "v", "projects": ["web"]})
    by = '{"key": {"organization": "acme", "version": "v"}}'
    query = "mutation ($i: UpdateReleaseInput!) {updateRelease(input: $i) {release {metadata}}}"
    body = f'{{"query": "{query}", "variables": {{"i": {{"release": {by}, "metadata": {{"n": 1.10}}}}}}}}'
    assert b'"metadata":{"n":1.10}' in client.request("POST", "/graphql", body.encode()).body


def ask_node(client: Client, number: str, size: int = 0) -> Any:
    body = f'{{"query": "query ($i: ID!) {{node(id: $i) {{id}}}}", "variables": {{"i": {number}}}}}'
    return client.request("POST", "/graphql", fill(body, size)).json


@pytest.mark.parametrize("size", SIZES)
def test_every_integer_is_an_id_and_no_float_is(client: Client, size: str) -> None:
    for number in [*INTEGERS, *LONG_INTEGERS]:
        assert ask_node(client, number, SIZES[size]) == {"data": {"node": None}}, number
        if size == "small":
            assert client.graphql(f"{{node(id: {number}) {{id}} nodes(ids: [{number}]) {{id}}}}") == {
                "data": {"node": None, "nodes": [None]}
            }
    for number in [*FLOATS, *OUT_OF_RANGE]:
        (error,) = ask_node(client, number, SIZES[size])["errors"]
        assert error["message"].endswith(f"ID cannot represent {number}: send a string or an integer."), number


@pytest.mark.parametrize("size", SIZES)
def test_integer_of_32_bits_is_taken_however_it_is_written(client: Client, size: str) -> None:
    for number, right in {
        "7": True, "-0": True, "0.0": True, "1.0": True, "1e1": True, "10e-1": True, "1.0000000000000000001": False,
        "1e400": False, "1e-400": False, "2147483648": False, "18446744073709551616": False, "1.5": False,
        "1e99999999999999999999": False,
    }.items():  # fmt: skip
        body = f'{{"query": "query ($n: Int) {{organizations(first: $n) {{totalCount}}}}", "variables": {{"n": {number}}}}}'
        answer = client.request("POST", "/graphql", fill(body, SIZES[size])).json
        assert ("errors" not in answer) == right, (number, answer)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "01", "1.", ".5", "+1", "0x1", "--0"])
@pytest.mark.parametrize("size", SIZES)
def test_what_is_no_number_of_json_is_refused(client: Client, constant: str, size: str) -> None:
    rest = client.rest("POST", "organizations/acme/releases/", fill(TEXTS["version"][0] % constant, SIZES[size]))
    body = METADATA % (CREATE, "v", f'{{"n": {constant}}}')
    assert (rest.status, client.request("POST", "/graphql", fill(body, SIZES[size])).status) == (400, 400)


def test_variables_of_a_query_string_are_kept_too(client: Client) -> None:
    path = "/graphql?query=query($i:ID!){node(id:$i){id}}&variables={%22i%22:18446744073709551616}"
    assert client.request("GET", path).json == {"data": {"node": None}}
    assert "ID cannot represent 1.10:" in client.request("GET", path.replace("18446744073709551616", "1.10")).body.decode()


@pytest.mark.parametrize("number", [*INTEGERS, *LONG_INTEGERS, *FLOATS, *OUT_OF_RANGE])
def test_parsers_read_one_number(number: str) -> None:
    body = f'{{"a": [{number}, {{"b": {number}}}]}}'.encode()
    exact = parse_exact_json(body)
    assert [str(exact["a"][0]), str(exact["a"][1]["b"])] == [number, number]
    assert repr(parse_large_json(body + b" " * MAX_UNINTERRUPTED_JSON_BYTES)) == repr(exact)
    for parse in (parse_json, parse_large_json):
        result = parse(body)["a"][0]
        if str(result) != number:
            assert type(result) is float, "whoever stores it reads the body again"


def test_written_number_is_a_float_with_a_text() -> None:
    number = WrittenNumber("1.10")
    assert (number, str(number), repr(number), hash(number), number.is_written_as_integer) == (
        1.1,
        "1.10",
        "1.10",
        hash(1.1),
        False,
    )
    assert [read_integer(text) for text in ("5", "-9223372036854775808")] == [5, -(2**63)]
    assert json.loads("1.10") == number


def test_numbers_of_an_imported_file_are_kept_too(harness: Harness, tmp_path: Path) -> None:
    numbers = ["1.10", "-0", "18446744073709551616", "1E5"]
    file = tmp_path / "releases.jsonl"
    file.write_text("".join(f'{{"version": "v{index}", "ref": {number}}}\n' for index, number in enumerate(numbers)))
    harness.run(import_file(harness.store, "acme", file, "web", create_projects=False))
    assert harness.rows("SELECT ref FROM releases ORDER BY version") == [(number,) for number in numbers]
