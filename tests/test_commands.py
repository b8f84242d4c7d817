"""The commands of an operator, run in this process on a store of their own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from gql_releases import cli as command_line
from gql_releases.domain.dates import format_date, now
from gql_releases.settings import Settings, read_platform_settings
from gql_releases.storage.schema.migrate import head_revision, migrate
from tests.conftest import Harness, Template
from tests.databases import Databases

SECRET = "correct horse battery staple, 32+"


@pytest.fixture
def url(template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    copy = template.databases.copy(template.url, tmp_path)
    monkeypatch.setenv("GQL_RELEASES_DATABASE_URL", copy)
    monkeypatch.chdir(tmp_path)
    yield copy
    template.databases.drop(copy)


class Console:
    """Runs commands as `main` does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def run(self, *words: str) -> tuple[int, str, str]:
        """Return the exit code, standard output and standard error."""
        self._monkeypatch.setattr(sys, "argv", ["gql-releases", *words])
        with pytest.raises(SystemExit) as end:
            command_line.main()
        out, err = self._capsys.readouterr()
        return int(end.value.code or 0), out, err


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Console:
    return Console(monkeypatch, capsys)


def test_version_is_printed(console: Console) -> None:
    assert console.run("--version") == (0, f"{version('gql-releases')}\n", "")


def test_organizations_and_projects_are_listed(url: str, console: Console) -> None:
    assert console.run("org", "list")[1] == "acme\tacme\t2 projects\t0 releases\nother\tother\t1 projects\t0 releases\n"
    assert console.run("project", "list")[1] == "acme/api\tapi\nacme/web\tweb\nother/web\tweb\n"
    assert console.run("project", "list", "other")[1] == "other/web\tweb\n"
    code, out, err = console.run("project", "list", "nobody")
    assert (code, out, err.count("\n")) == (1, "", 1)


def test_keys_of_a_project_are_listed_and_changed(url: str, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = console.run("project", "keys", "acme", "web")
    default, name, state = out.rstrip("\n").split("\t")
    assert (code, name, state) == (0, "Default", "active")
    assert re.fullmatch("http://[0-9a-f]{32}@127.0.0.1:8000/1", default)
    monkeypatch.setenv("GQL_RELEASES_PUBLIC_URL", "https://releases.example.com")
    code, out, _ = console.run("project", "keys", "acme", "web", "--create", "shop")
    dsns = [line.split("\t")[0] for line in out.splitlines()]
    assert (code, out) == (0, f"{dsns[0]}\tDefault\tactive\n{dsns[1]}\tshop\tactive\n")
    assert re.fullmatch("https://[0-9a-f]{32}@releases.example.com/1", dsns[1])
    keys = [dsn.partition("://")[2].partition("@")[0] for dsn in dsns]
    assert console.run("project", "keys", "acme", "web", "--disable", keys[1])[1].endswith("\tshop\tinactive\n")
    assert console.run("project", "keys", "acme", "web", "--enable", keys[1])[1] == out
    assert console.run("project", "keys", "acme", "web", "--delete", keys[1])[1] == out.splitlines(keepends=True)[0]
    for words in (
        ("acme", "nope"),
        ("nobody", "web"),
        ("acme", "web", "--delete", keys[1]),
        ("other", "web", "--delete", keys[0]),
    ):
        code, out, err = console.run("project", "keys", *words)
        assert (code, out, err.count("\n")) == (1, "", 1), words
    assert console.run("project", "create", "acme", "app")[0] == 0
    assert console.run("project", "keys", "acme", "app")[1].endswith("\tDefault\tactive\n")


def test_status_has_the_settings_and_no_secret(url: str, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GQL_RELEASES_SECRET_KEY", SECRET)
    code, out, _ = console.run("status")
    lines = dict(line.split(maxsplit=1) for line in out.splitlines() if not line.startswith("  ") and " " in line)
    assert code == 0
    assert lines["version"] == version("gql-releases")
    assert lines["revision"] == f"{head_revision()}, up to date"
    assert (lines["organizations"], lines["projects"], lines["releases"]) == ("2", "3", "0")
    assert (lines["artifact_bundles"], lines["release_files"], lines["debug_files"]) == ("0", "0", "0")
    assert (lines["blobs"], lines["chunks"]) == ("0  0.0 MiB", "0  0.0 MiB")
    assert float(lines["size"].removesuffix(" MiB")) > 0
    assert SECRET not in out
    assert "GQL_RELEASES_SECRET_KEY=(set)" in out
    assert {name for name in Settings.model_fields if f"GQL_RELEASES_{name.upper()}=" not in out} == set()


def test_status_counts_stored_bytes_once(template: Template, url: str, console: Console) -> None:
    for organization, sha1, size in ((1, "a", 3 << 20), (2, "a", 3 << 20), (1, "b", 1 << 19)):
        columns = "organization_id, sha1, sha256, size, date_stored"
        values = f"{organization}, '{sha1 * 40}', '{sha1 * 64}', {size}, '2026-11-19T08:00:00.000000Z'"
        template.databases.rows(url, f"INSERT INTO blobs ({columns}) VALUES ({values})")
    lines = [line.split() for line in console.run("status")[1].splitlines()]
    assert ["blobs", "2", "3.5", "MiB"] in lines
    assert ["chunks", "0", "0.0", "MiB"] in lines


@pytest.mark.parametrize("start", ["nothing", "0004"])
def test_check_lists_what_a_migration_would_apply(
    databases: Databases, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    url = databases.empty(tmp_path)
    monkeypatch.setenv("GQL_RELEASES_DATABASE_URL", url)
    if start != "nothing":
        migrate(url, start)
    code, out, err = console.run("migrate", "--check")
    assert (code, out) == (1, "")
    assert err.startswith(f"at revision {'none' if start == 'nothing' else start}, not up to date: ")
    assert err.endswith(f"{head_revision()} to apply\n")
    assert ("0004" in err.partition(":")[2]) == (start == "nothing")
    assert console.run("status")[0] == 0
    assert console.run("migrate") == (0, f"up to date at revision {head_revision()}\n", "")
    assert console.run("migrate", "--check") == (0, f"up to date at revision {head_revision()}\n", "")
    databases.drop(url)


@pytest.mark.parametrize(
    ("own", "platform", "expected"),
    [
        ({}, {}, ("sqlite:///gql-releases.db", 8000, [])),
        ({}, {"PORT": "81"}, ("sqlite:///gql-releases.db", 81, ["PORT"])),
        ({}, {"DATABASE_URL": "postgres://u@h/d", "PORT": "81"}, ("postgres://u@h/d", 81, ["PORT", "DATABASE_URL"])),
        ({"PORT": "82"}, {"PORT": "81", "DATABASE_URL": ""}, ("sqlite:///gql-releases.db", 82, [])),
        ({"DATABASE_URL": "sqlite:///a.db"}, {"DATABASE_URL": "postgres://u@h/d"}, ("sqlite:///a.db", 8000, [])),
    ],
)
def test_variables_of_a_platform_are_read_where_ours_are_not_set(
    own: dict[str, str], platform: dict[str, str], expected: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("PORT=83\nDATABASE_URL=postgres://env@h/d\n")
    for name in ("PORT", "DATABASE_URL", "GQL_RELEASES_PORT", "GQL_RELEASES_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in platform.items():
        monkeypatch.setenv(name, value)
    for name, value in own.items():
        monkeypatch.setenv(f"GQL_RELEASES_{name}", value)
    settings, variables = read_platform_settings()
    assert (settings.database_url, settings.port, variables) == expected


def test_serve_uses_and_names_the_variables_of_a_platform(template: Template, tmp_path: Path) -> None:
    """The taken port is the last thing that can go wrong, so that nothing is served here."""
    url = template.databases.copy(template.url, tmp_path)
    with socket.socket() as seconds:
        seconds.bind(("127.0.0.1", 0))
        seconds.listen()
        port = seconds.getsockname()[1]
        process = subprocess.run(
            [sys.executable, "-m", "gql_releases", "serve"],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", ""), "DATABASE_URL": url, "PORT": str(port)},
            cwd=tmp_path, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert process.returncode == 1
    *before, last = process.stderr.splitlines()
    assert [line.rpartition(": ")[2] for line in before] == [
        f"using the environment variable {name}" for name in ("PORT", "DATABASE_URL")
    ]
    assert (
        last == f"Port {port} is in use: choose another one, with `make run PORT={port + 1}` or `serve --port {port + 1}`."
    )
    template.databases.drop(url)


def test_demo_on_a_taken_port_makes_nothing(tmp_path: Path) -> None:
    with socket.socket() as seconds:
        seconds.bind(("127.0.0.1", 0))
        seconds.listen()
        process = subprocess.run(
            [sys.executable, "-m", "gql_releases", "serve", "--demo", "--port", str(seconds.getsockname()[1])],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
            cwd=tmp_path, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_tokens_are_listed_with_state_and_maker(harness: Harness, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GQL_RELEASES_DATABASE_URL", harness.url)
    maker = harness.token("org:write", "project:read", name="maker", expires_at=now() + timedelta(days=3))
    result = create_token(harness, maker, {"name": "successor"})
    assert result["token"]["expiresAt"] is not None
    harness.rows("UPDATE tokens SET revoked_at = NULL WHERE name = 'maker'")
    [(maker_id,)] = harness.rows("SELECT id FROM tokens WHERE name = 'maker'")
    out = console.run("token", "list")[1]
    rows = {fields[3]: fields for fields in (line.split("\t") for line in out.splitlines())}
    assert rows["all"][0] in ("acme", "other")
    assert rows["successor"][5].endswith("(soon)")
    assert rows["successor"][7] == f"created by {maker_id}"
    assert len(rows["maker"]) == 7
    assert console.run("token", "revoke", "acme", str(maker_id), "--with-made")[0] == 0
    states = {
        fields[2]: fields[4]
        for fields in (line.split("\t") for line in console.run("token", "list", "acme")[1].splitlines())
    }
    assert (states["maker"], states["successor"], states["all"]) == ("revoked", "revoked", "active")


CREATE_TOKEN = """mutation ($input: CreateTokenInput!) { createToken(input: $input) {
  secret token { expiresAt } userErrors { code field message } } }"""


def create_token(harness: Harness, maker: str, changes: dict[str, Any]) -> dict[str, Any]:
    body = {"organization": "acme", "scopes": ["project:read"]} | changes
    answer = harness.client.graphql(CREATE_TOKEN, {"input": body}, token=maker)
    result: dict[str, Any] = answer["data"]["createToken"]
    return result


def test_token_of_a_token_expires_with_its_maker_at_the_latest(harness: Harness) -> None:
    end = now() + timedelta(days=1)
    maker = harness.token("org:write", "project:read", expires_at=end)
    assert create_token(harness, maker, {})["token"]["expiresAt"] == format_date(end)
    sooner = format_date(end - timedelta(hours=1))
    assert create_token(harness, maker, {"expiresAt": sooner})["token"]["expiresAt"] == sooner
    for scopes in (["project:read"], ["project:read", "org:admin"]):
        errors = create_token(harness, maker, {"expiresAt": format_date(end + timedelta(seconds=1)), "scopes": scopes})[
            "userErrors"
        ]
        assert (errors[-1]["code"], errors[-1]["field"]) == ("INVALID_DATE", ["expiresAt"])
        assert format_date(end) in errors[-1]["message"]
        assert len(errors) == len(scopes), "all problems at once"
    endless = harness.token("org:write", "project:read")
    assert create_token(harness, endless, {})["token"]["expiresAt"] is None


@pytest.mark.parametrize("moment", ["2000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "now"])
def test_expiry_that_is_not_in_the_future_is_refused(harness: Harness, moment: str) -> None:
    maker = harness.token("org:write", "project:read")
    errors = create_token(harness, maker, {"expiresAt": format_date(now()) if moment == "now" else moment})["userErrors"]
    assert [(error["code"], error["field"]) for error in errors] == [("INVALID_DATE", ["expiresAt"])]
    assert errors[0]["message"].endswith("is not in the future.")


def test_tables_of_a_newer_version_are_refused_with_one_sentence(
    url: str, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gql_releases.commands.support.newest_revision", lambda: "0001")
    for command in ("migrate", "org list", "serve --port 0"):
        code, out, err = console.run(*command.split())
        assert (code, out) == (1, ""), command
        message = f"is at revision {head_revision()}, and this version knows 0001 as the last: "
        assert err.splitlines()[-1].endswith(message + "install the version that migrated it."), command
