"""Frontends' clients, unmodified: what they compile, ask and make of the answers. Scripts: tests/clients/."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import CLIENTS, Served, free_port, run_node, serving

pytestmark = pytest.mark.e2e

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A store of these tests' own: they create releases, and count."""
    with serving(tmp_path_factory.mktemp("frontends")) as result:
        yield result


def run(script: str, server: Served, folder: Path | None = None) -> Any:
    return json.loads(run_node(script, f"{server.base}/graphql", server.token, folder=folder))


def test_relay_compiles_pages_and_changes_its_store(server: Served) -> None:
    folder = CLIENTS / "relay"
    shutil.rmtree(folder / "generated", ignore_errors=True)  # what is there the compiler does not persist again
    (folder / "generated").mkdir()
    (folder / "persisted.json").write_text("{}")
    run_node("relay.config.json", folder=folder, program="relay-compiler")
    result = run("run.mjs", server, folder)
    assert result["organization"] == "Acme"
    assert len(result["first"]) == 3
    assert result["second"][:3] == result["first"]
    assert len(set(result["second"])) == 5
    assert (result["outcome"], result["major"], result["more"]) == ("CREATED", 3, True)
    assert result["appended"] == [*result["second"], "web@3.0.0-relay"], "@appendNode"
    assert result["deleted"]
    assert [item for item in result["left"] if item] == result["second"], "@deleteRecord"
    assert result["sent"] == ["ReleasesQuery", "ReleasesPaginationQuery", "ReleasesCreateMutation", "ReleasesDeleteMutation"]


def test_codegen_types_what_is_asked(server: Served) -> None:
    folder = CLIENTS / "codegen"
    run_node("--config", "codegen.mjs", folder=folder, program="graphql-codegen")
    run_node("-p", "tsconfig.json", folder=folder, program="tsc")
    result = run("built/run.js", server, folder)
    assert (result["outcome"], result["major"], result["released"]) == ("CREATED", 3, None)
    assert result["listed"][0] == result["found"] == "web@3.0.0-codegen"
    assert result["text"]["whole"] == result["text"]["stored"]


def test_manifests_of_codegen_and_relay_are_trusted_documents(tmp_path: Path) -> None:
    """Run after the two above, which write them."""
    written = {
        "codegen": CLIENTS / "codegen" / "src" / "generated" / "persisted-documents.json",
        "relay": CLIENTS / "relay" / "persisted.json",
    }
    documents = tmp_path / "trusted"
    documents.mkdir()
    for name, file in written.items():
        (documents / f"{name}.json").write_bytes(file.read_bytes())
    with serving(tmp_path, trusted_documents=str(documents), trusted_only="true") as server:
        for file in written.values():
            manifest = json.loads(file.read_bytes())
            assert manifest
            for document_id, text in manifest.items():
                if text.startswith("query Release"):
                    existing = {"organization": "acme", "slug": "acme", "id": "x", "by": {"id": "x"}}
                    variables = {name: value for name, value in existing.items() if f"${name}:" in text}
                    answer = ask(server, {"documentId": document_id, "variables": variables})
                    assert "errors" not in answer, (text, answer)
        refused = ask(server, {"query": "{ __typename }"})
        assert refused["errors"][0]["extensions"]["code"] == "UNTRUSTED_DOCUMENT"


def ask(server: Served, body: dict[str, Any]) -> Any:
    from urllib.request import Request, urlopen

    headers = {"authorization": f"Bearer {server.token}", "content-type": "application/json"}
    with urlopen(Request(f"{server.base}/graphql", json.dumps(body).encode(), headers), timeout=20) as answer:
        return json.load(answer)


def test_apollo_pages_updates_its_cache_and_sees_partial_errors(server: Served) -> None:
    output = run("apollo.mjs", server)
    assert output["second"][:3] == output["first"]
    assert len(set(output["second"])) == 6
    assert output["outcome"] == "CREATED"
    assert output["updated"] == ["web@3.0.0-apollo", *output["second"]]
    assert output["partial"]["data"] == {
        "organization": {"__typename": "Organization", "slug": "acme"},
        "organizations": None,
    }
    assert [error["extensions"]["code"] for error in output["partial"]["errors"]] == ["INVALID_ARGUMENT"]
    latest = [project["latestRelease"] for project in output["list"]["first"]["organization"]["projects"]["nodes"]]
    assert any(release and release["versionInfo"]["description"] == "3.0.0-apollo" for release in latest)
    assert output["list"]["again"] == output["list"]["first"], (
        "a page about a release does not take the list out of the cache"
    )


def test_urql_queries_changes_and_sees_user_errors(server: Served) -> None:
    output = run("urql.mjs", server)
    assert [(error["code"], error["field"]) for error in output["refused"]["userErrors"]] == [
        ("UNKNOWN_PROJECT", ["projects", "1"])
    ]
    assert (output["refused"]["release"], output["absent"], output["created"]) == (None, None, "CREATED")
    assert output["wrong"] == {"status": 401, "codes": ["INVALID_TOKEN"]}
    assert [output["changed"], *output["methods"]] == ["https://b.example"] * 3


def test_graphql_request_answers_and_throws(server: Served) -> None:
    output = run("request.mjs", server)
    assert len(output["organization"]["releases"]["nodes"]) == 2
    assert output["argument"] == {
        "thrown": True, "status": 200, "codes": ["INVALID_ARGUMENT"], "data": {"organization": {"releases": None}}
    }  # fmt: skip
    assert output["syntax"]["thrown"]
    assert output["variable"]["thrown"]


@pytest.mark.parametrize("transport", ["aiohttp", "httpx"])
def test_python_gql_validates_asks_and_sees_errors(server: Served, transport: str) -> None:
    script = """
import asyncio, json, sys
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.httpx import HTTPXAsyncTransport
url, token, name = sys.argv[1:]
async def main():
    headers = {"authorization": f"Bearer {token}"}
    kind = AIOHTTPTransport if name == "aiohttp" else HTTPXAsyncTransport
    async with Client(transport=kind(url=url, headers=headers), fetch_schema_from_transport=True) as session:
        query = gql("query ($n: Int) { organizations(first: $n) { nodes { slug } } }")
        query.variable_values = {"n": 1}
        found = await session.execute(query)
        query.variable_values = {"n": 101}
        try:
            await session.execute(query)
        except TransportQueryError as error:
            found["code"] = error.errors[0]["extensions"]["code"]
        try:
            await session.execute(gql("{ nothing }"))
        except Exception as error:
            found["invalid"] = str(error)[:23]
        print(json.dumps(found))
asyncio.run(main())
"""
    words = [sys.executable, "-c", script, f"{server.base}/graphql", server.token, transport]
    process = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout) == {
        "organizations": {"nodes": [{"slug": "acme"}]}, "code": "INVALID_ARGUMENT", "invalid": "Cannot query field 'not"
    }  # fmt: skip


def lint(folder: Path) -> list[str]:
    """Give the rules that a folder's schema.graphql breaks; eslint leaves a file out without a word that it has no rules for."""
    (output,) = json.loads(run_node("schema.graphql", "--format", "json", folder=folder, program="eslint", ends=(0, 1)))
    assert Path(output["filePath"]).samefile(folder / "schema.graphql")
    return [f"{message['ruleId']}: {message['message']}" for message in output["messages"]]


def test_eslint_finds_nothing_in_the_schema() -> None:
    assert lint(CLIENTS) == []


def test_eslint_would_find_something(tmp_path: Path) -> None:
    """The same rules over a schema that breaks some of them."""
    (tmp_path / "node_modules").symlink_to(CLIENTS / "node_modules")
    shutil.copy(CLIENTS / "eslint.config.mjs", tmp_path)
    (tmp_path / "schema.graphql").write_text((CLIENTS / "schema.graphql").read_text() + "\ntype lower { a_b: String }\n")
    output = " ".join(lint(tmp_path))
    for rule in ("naming-convention", "require-description", "strict-id-in-types"):
        assert f"@graphql-eslint/{rule}: " in output, rule


def test_schemathesis_finds_no_server_error(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        words = [
            str(Path(sys.executable).parent / "schemathesis"), "run", f"{server.base}/graphql", "--seed", "1", "--workers", "1",
            "--max-examples", "12", "--phases", "fuzzing", "--checks", "foreseen", "--request-timeout", "10",
            "--generation-database", "none", "--header", f"Authorization: Bearer {server.token}",
        ]  # fmt: skip
        environment = {
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.e2e.schemathesis_hooks",
            "PYTHONPATH": str(HERE.parents[1]),
        }
        process = subprocess.run(
            words, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
        )
        assert process.returncode == 0, process.stdout[-6000:]
    log = (tmp_path / "log").read_text()
    assert log.count("graphql operation=") > 100
    assert " ERROR " not in log


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def test_pages_of_allowed_origins_alone_may_ask(page: Any, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<title>a frontend</title>")
    page_server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", free_port()), lambda *words: _Quiet(*words, directory=str(tmp_path))
    )
    threading.Thread(target=page_server.serve_forever, daemon=True).start()
    port = page_server.server_address[1]
    script = """async ([url, token]) => {
      const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
      const body = JSON.stringify({ query: "{ viewer { token { name } } }" });
      try { return (await (await fetch(url, { method: "POST", headers, body })).json()).data.viewer.token.name }
      catch (error) { return String(error) } }"""
    try:
        with serving(tmp_path, cors_origins=f"http://127.0.0.1:{port}") as server:
            command = [f"{server.base}/graphql", server.token]
            page.goto(f"http://127.0.0.1:{port}/index.html")
            assert page.evaluate(script, command) == "e2e"
            page.goto(f"http://foreign.test:{port}/index.html")
            assert "Failed to fetch" in page.evaluate(script, command)
    finally:
        page_server.shutdown()
        page_server.server_close()
