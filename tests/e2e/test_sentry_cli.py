"""Sentry's own command lines, unmodified: sentry-cli in five versions and npm's `sentry`, through a release's whole life.

The table of clients in docs/sentry-compatibility.md is what these tests saw; GQL_RELEASES_WRITE_DOCS=1 writes it anew.
"""

from __future__ import annotations

import os
import re
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, TOOLS, Served, ask, create_project, make_folder
from tests.e2e.sample_files import write_mapping, write_script, write_symbols

pytestmark = pytest.mark.e2e

CLIENTS = [tuple(line.split()) for line in (ROOT / "tests" / "e2e" / "clients.txt").read_text().splitlines()]
CLI = [version for _, program, _, version in CLIENTS if program == "sentry-cli"]
SENTRY = [version for _, program, _, version in CLIENTS if program == "sentry"]
DOCUMENT = ROOT / "docs" / "sentry-compatibility.md"
SAW: dict[tuple[str, str], list[str]] = {}
"""(program, version) -> the steps that went through."""


class Program:
    """A version of a client, in a home and a git repository of its own."""

    def __init__(self, name: str, version: str, server: Served, folder: Path) -> None:
        tool = TOOLS / f"{name}-{version}"
        self.program = next(
            (path for path in (tool / "node_modules/.bin" / name, tool / "bin" / name) if path.exists()), None
        )
        assert self.program, "run `make e2e`, which installs it"
        self.name, self.version = name, version
        self.home, self.work = folder / "home", folder / "work"
        self.home.mkdir()
        self.work.mkdir()
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.home), "SENTRY_URL": server.base,
            "SENTRY_AUTH_TOKEN": server.token, "SENTRY_ORG": "acme", "SENTRY_PROJECT": "web", "NO_COLOR": "1",
            "SENTRY_DISABLE_UPDATE_CHECK": "1", "SENTRY_CLI_NO_UPDATE_CHECK": "1", "SENTRY_CLI_NO_TELEMETRY": "1",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
            "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com",
        }  # fmt: skip
        self._run(["git", "init", "-q"], 0)
        self._run(["git", "remote", "add", "origin", "https://git.example.com/acme/web.git"], 0)

    def __call__(self, *words: str, ends: int = 0, **more: str) -> str:
        return self._run([str(self.program), *words], ends, **more)

    def _run(self, words: list[str], ends: int, **more: str) -> str:
        environment = {name: value for name, value in (self.environment | more).items() if value}
        process = subprocess.run(
            words, env=environment, cwd=self.work, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        output = process.stdout + process.stderr
        assert process.returncode == ends, (words, output)
        return output

    def commit(self, name: str) -> str:
        """Make a commit and give its sha."""
        (self.work / name).write_text(name)
        self._run(["git", "add", name], 0)
        self._run(["git", "commit", "-q", "-m", f"add {name}"], 0)
        return self._run(["git", "rev-parse", "HEAD"], 0).strip()

    def saw(self, step: str) -> None:
        """Note that a step went through."""
        SAW.setdefault((self.name, self.version), []).append(step)


def account(cli: Program, release: str) -> None:
    """Who am I, and what is there."""
    assert f"Sentry Server: {cli.environment['SENTRY_URL']}" in cli("info")
    assert '"successful": true' in cli("info", "--config-status-json")
    cli("info", ends=1, SENTRY_AUTH_TOKEN="wrong")
    assert "Stored token in" in cli("login", "--auth-token", cli.environment["SENTRY_AUTH_TOKEN"], SENTRY_AUTH_TOKEN="")
    (cli.home / ".sentryclirc").unlink()
    assert re.search(r"\| acme +\|", cli("organizations", "list"))
    assert re.search(r"\| web +\|", cli("projects", "list"))
    assert "acme/web" in cli("repos", "list")


def releases(cli: Program, release: str) -> None:
    """Create, list and look at releases, with a project and without, and one whose version needs encoding."""
    odd = f"cli flow #{cli.version}?%41"
    for name in (release, release, odd):
        assert f"Created release {name}" in cli("releases", "new", name)
    assert "Created release" in cli("releases", "new", release, "--project", "web", "--project", "api")
    unreleased = rf"\(unreleased\) +\| {re.escape(release)} "
    assert re.search(unreleased, cli("releases", "list"))
    assert release in cli("releases", "list", SENTRY_PROJECT="")
    assert "api" in cli("releases", "list", "--show-projects")
    for project in ("web", ""):
        shown = cli("releases", "info", release, SENTRY_PROJECT=project)
        assert re.search(rf"\| {re.escape(release)} +\| \d{{4}}-", shown)
        cli("releases", "info", release + "-absent", ends=1, SENTRY_PROJECT=project)
    assert odd in cli("releases", "info", odd)
    assert f"Deleted release {odd}" in cli("releases", "delete", odd)


def commits(cli: Program, release: str) -> None:
    """Set commits in each of the ways that there are."""
    first, second, head = (cli.commit(name) for name in ("one", "two", "three"))
    cli("releases", "set-commits", release, "--auto", "--ignore-missing")
    assert head in cli("releases", "info", release, "--show-projects", "--show-commits")
    for spec, shown in ((f"acme/web@{first}..{second}", second), (f"acme/web@{head}", head)):
        cli("releases", "set-commits", release, "--commit", spec)
        assert shown in cli("releases", "info", release, "--show-commits")
    assert "Unknown repo" in cli("releases", "set-commits", release, "--commit", f"no/such@{head}", ends=1)
    assert "Clearing commits" in cli("releases", "set-commits", release, "--clear")
    assert head not in cli("releases", "info", release, "--show-commits")
    assert "Success! Set commits" in cli("releases", "set-commits", release, "--local", "--ignore-missing")
    assert head in cli("releases", "info", release, "--show-commits")


def source_maps(cli: Program, release: str) -> None:
    """Inject debug ids and upload, with a release and without; a repetition has nothing to upload."""
    write_script(cli.work / "dist")
    assert "Modified" in cli("sourcemaps", "inject", "dist")
    upload = ("sourcemaps", "upload", "--wait", "dist")
    for words in ((*upload, "--release", release), upload):
        assert "File processing complete" in cli(*words)
        assert "Nothing to upload" in cli(*words)
    assert "File processing complete" in cli(*upload, "--release", release, "--dist", "7", "--url-prefix", "~/static")


def release_files(cli: Program, release: str) -> None:
    """Upload, list and delete single files: version 2 alone has these commands."""
    files = ("releases", "files", release)
    (cli.work / "one.js").write_text("console.log(1)")
    assert re.search(r"^A [0-9a-f]{40}", cli(*files, "upload", "one.js", "~/one.js"), re.MULTILINE)
    assert "File already present" in cli(*files, "upload", "one.js", "~/one.js", ends=1)
    cli(*files, "upload", "one.js", "~/one.js", "--dist", "7")
    assert re.search(r"\| ~/one\.js +\| 7 ", cli(*files, "list"))
    assert "D ~/one.js" in cli(*files, "delete", "~/one.js")
    cli(*files, "upload", "one.js", "~/two.js")
    assert "All files deleted" in cli(*files, "delete", "--all")
    assert "~/" not in cli(*files, "list")


def debug_files(cli: Program, release: str) -> None:
    """Upload Breakpad's symbols and a mapping of ProGuard."""
    debug_id = write_symbols(cli.work / "symbols")
    printed = cli("debug-files", "upload", "--wait", "symbols")
    assert "File processing complete" in printed
    assert f"OK {debug_id}" in printed
    assert "Nothing to upload" in cli("debug-files", "upload", "--wait", "symbols")
    write_mapping(cli.work / "mapping.txt")
    cli("upload-proguard", "--uuid", (mapping_id := str(uuid.uuid4())), "mapping.txt")
    files = f"/api/0/projects/acme/web/files/dsyms/?debug_id={mapping_id}"
    [file] = ask(Served(cli.environment["SENTRY_URL"], cli.environment["SENTRY_AUTH_TOKEN"], {}), files)
    assert file["symbolType"] == "proguard"


def deploys(cli: Program, release: str) -> None:
    """Record deploys and list the last ones."""
    assert "No deploys found" in cli("releases", "deploys", release, "list")
    assert "for 'staging'" in cli("releases", "deploys", release, "new", "-e", "staging")
    named = ("--name", "second", "--url", "https://example.com/", "--time", "30")
    assert "deploy second for 'production'" in cli("releases", "deploys", release, "new", "-e", "production", *named)
    past = ("--started", "1700000000", "--finished", "1700000060")
    assert "for 'production'" in cli("releases", "deploys", release, "new", "-e", "production", *past)
    listed = cli("releases", "deploys", release, "list")
    assert re.search(r"\| production +\| second ", listed)
    assert "staging" in listed
    cli("releases", "deploys", release + "-absent", "new", "-e", "staging", ends=1)


def finalize(cli: Program, release: str) -> None:
    """Give releases their date; the next one has only what is new; archive and restore."""
    assert f"Finalized release {release}" in cli("releases", "finalize", release)
    for _ in range(2):
        assert re.search(rf"ago +\| {re.escape(release)} ", cli("releases", "list"))
        assert "Created release" in cli("releases", "new", release), "a repetition keeps the date"
    assert "Finalized" in cli("releases", "finalize", release, SENTRY_PROJECT="")
    cli("releases", "finalize", release + "-absent", ends=1)
    existing, following = cli.commit("four"), release.replace("@", "@9")
    old = cli("releases", "info", release, "--show-commits")
    assert "Created release" in cli("releases", "new", following, "--finalize", "--url", "https://example.com/2")
    cli("releases", "set-commits", following, "--auto")
    shown = cli("releases", "info", following, "--show-commits")
    assert existing in shown
    assert not [sha for sha in re.findall(r"[0-9a-f]{40}", old) if sha in shown], "only what is new"
    assert "Archived release" in cli("releases", "archive", release)
    assert "web" in cli("releases", "info", release, "--show-projects")
    assert "Restored release" in cli("releases", "restore", release)


def delete(cli: Program, release: str) -> None:
    """Delete; a second time there is nothing to do."""
    for name, project in ((release, "web"), (release.replace("@", "@9"), "")):
        assert f"Deleted release {name}" in cli("releases", "delete", name, SENTRY_PROJECT=project)
        assert "Did nothing" in cli("releases", "delete", name, SENTRY_PROJECT=project)
        cli("releases", "info", name, ends=1)


STEPS: dict[str, Callable[[Program, str], None]] = {
    "account": account, "releases": releases, "set-commits": commits, "source maps": source_maps,
    "release files": release_files, "debug files": debug_files, "deploys": deploys, "finalize": finalize, "delete": delete,
}  # fmt: skip


@pytest.mark.parametrize("version", CLI)
def test_sentry_cli_works_unmodified(server: Served, tmp_path: Path, version: str) -> None:
    cli = Program("sentry-cli", version, server, tmp_path)
    assert cli("--version").startswith(f"sentry-cli {version}")
    release = f"cli-{version}@{version}"
    for name, step in STEPS.items():
        if step is release_files and not version.startswith("2."):
            continue
        step(cli, release)
        cli.saw(name)


def test_wrong_token_ends_in_an_error(server: Served, tmp_path: Path) -> None:
    cli = Program("sentry-cli", CLI[0], server, tmp_path)
    assert "Invalid token" in cli("releases", "new", "x", ends=1, SENTRY_AUTH_TOKEN="wrong")


@pytest.mark.parametrize("version", SENTRY)
def test_npms_sentry_works_unmodified(server: Served, tmp_path: Path, version: str) -> None:
    sentry = Program("sentry", version, server, tmp_path)
    sentry.commit("one")
    sentry.commit("two")
    assert "Verified: yes" in sentry("info")
    sentry.saw("account")
    release = f"npm@{version}"
    named = f"acme/{release}"
    assert f"Release Created: {release}" in sentry("release", "create", named, "--project", "web")
    assert "Unreleased" in sentry("release", "view", named)
    sentry.saw("releases")
    sentry("release", "set-commits", named, "--auto")
    assert re.search(r"Commits +│ 2 ", sentry("release", "set-commits", named, "--local"))
    sentry.saw("set-commits")
    write_script(sentry.work / "dist")
    assert release in sentry("sourcemap", "upload", "dist", "--release", release)
    sentry.saw("source maps")
    debug_id = write_symbols(sentry.work / "symbols")
    assert debug_id in sentry("debug-files", "upload", "symbols", "--wait")
    write_mapping(sentry.work / "mapping.txt")
    sentry("proguard", "upload", "mapping.txt")
    sentry.saw("debug files")
    assert "Deploy Created" in sentry("release", "deploy", named, "production", "first")
    assert "production" in sentry("release", "deploys", named)
    assert release in sentry("release", "list", "acme/web"), "it lists what runs in production where there is that"
    sentry.saw("deploys")
    assert "Finalized" in sentry("release", "finalize", named)
    assert "Archived" in sentry("release", "archive", named)
    assert "Restored" in sentry("release", "restore", named)
    sentry.saw("finalize")
    assert "deleted from acme" in sentry("release", "delete", named, "--yes")
    sentry("release", "view", named, ends=30)
    sentry.saw("delete")


def list_issues(cli: Program, *words: str) -> str:
    """Return the status of the issue of test_events_and_issues as `issues list` prints it."""
    row = next(row for row in cli("issues", "list", *words).splitlines() if "issue of" in row)
    return next(status for status in ("unresolved", "resolved", "ignored") if f" {status} " in row)


NEWEST_OF_MAJORS = [next(version for version in CLI if version.startswith(f"{major}.")) for major in (2, 3)]
NOT_KEPT = r"This server does not keep [^\n]+ \(docs/ci\.md\)\. \(http status: 501\)"
MISSING = (("monitors", "list"),)
"""Commands about what is not implemented."""


@pytest.mark.parametrize("version", NEWEST_OF_MAJORS)
def test_command_about_what_is_not_kept_prints_the_servers_sentence(server: Served, tmp_path: Path, version: str) -> None:
    """Not `organization not found`, which a 404 becomes."""
    cli = Program("sentry-cli", version, server, tmp_path)
    for words in MISSING:
        printed = cli(*words, ends=1, RUST_BACKTRACE="0")
        assert re.search(NOT_KEPT, printed), (words, printed)
        assert "not found" not in printed


@pytest.mark.parametrize("version", NEWEST_OF_MAJORS)
def test_events_and_issues(server: Served, tmp_path: Path, version: str) -> None:
    """An event is sent, listed and explained; its issue is listed, resolved, muted and reopened."""
    cli = Program("sentry-cli", version, server, tmp_path)
    slug = f"events-{version.replace('.', '-')}"
    create_project(server, slug, f"acme/{slug}")
    cli.environment["SENTRY_PROJECT"] = slug
    [key] = ask(server, f"/api/0/projects/acme/{slug}/keys/")
    send = ("send-event", "--no-environ", "--message", f"issue of {slug}", "--release", f"{slug}@1.0")
    assert "Event dispatched" in cli(*send, SENTRY_DSN=key["dsn"]["public"])
    listed = cli("events", "list", "--show-user", "--show-tags")
    assert f"issue of {slug}" in listed
    [event] = re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", listed)
    if version.startswith("2."):
        explained = cli("sourcemaps", "explain", event)
        assert "Fetched data for event" in explained
        assert f"Event has release name: {slug}@1.0" in explained
    [issue] = ask(server, f"/api/0/projects/acme/{slug}/issues/")
    assert issue["shortId"] in cli("issues", "list")
    for words, status in (
        (("resolve", "--id", issue["id"]), "resolved"),
        (("unresolve", "--status", "resolved"), "unresolved"),
        (("mute", "--all"), "ignored"),
        (("resolve", "--next-release", "--id", issue["id"]), "resolved"),
    ):
        assert "Updated matching issues." in cli("issues", *words)
        assert list_issues(cli) == status


@pytest.mark.parametrize("version", NEWEST_OF_MAJORS)
def test_auto_then_commit_in_a_checkout_of_a_project_with_a_default_repository(
    server: Served, tmp_path: Path, version: str
) -> None:
    """The remote is called `origin`, the store's repository is not: each way to name it leads to the same one."""
    slug, repository = f"shop-{version.replace('.', '-')}", f"acme/shop-{version}"
    create_project(server, slug, repository)
    cli = Program("sentry-cli", version, server, tmp_path)
    cli.environment["SENTRY_PROJECT"] = slug
    first, second = cli.commit("one"), cli.commit("two")
    assert re.search(rf"\| {re.escape(repository)} +\| Unknown", cli("repos", "list")), "before any commit was sent"
    auto, ranged, local = (f"{slug}@{number}" for number in (1, 2, 3))
    cli("releases", "new", auto)
    assert "Success! Set commits" in cli("releases", "set-commits", auto, "--auto")
    cli("releases", "new", ranged)
    cli("releases", "set-commits", ranged, "--commit", f"{repository}@{first}..{second}")
    shown = cli("releases", "info", ranged, "--show-commits")
    assert second in shown
    assert first not in shown, "the range begins after it"
    third = cli.commit("three")
    cli("releases", "new", local)
    assert "Success! Set commits" in cli("releases", "set-commits", local, "--local")
    assert third in cli("releases", "info", local, "--show-commits")
    for release in (auto, ranged, local):
        [commit, *_] = ask(server, f"/api/0/organizations/acme/releases/{release}/commits/")
        assert commit["repository"]["name"] == repository, release
    other = Program("sentry-cli", version, server, make_folder(tmp_path / "elsewhere"))
    other.environment["SENTRY_PROJECT"] = slug
    other.commit("unrelated")
    lost = f"{slug}@4"
    cli("releases", "new", lost)
    assert "Could not find the SHA of the previous release" in other("releases", "set-commits", lost, "--auto", ends=1)
    assert "Success!" in other("releases", "set-commits", lost, "--auto", "--ignore-missing")


def test_remote_named_after_the_repository_needs_no_default(server: Served, tmp_path: Path) -> None:
    """SENTRY_VCS_REMOTE, as docs/ci.md has it."""
    cli = Program("sentry-cli", NEWEST_OF_MAJORS[1], server, tmp_path)
    create_project(server, "remote", None)
    cli.environment["SENTRY_PROJECT"] = "remote"
    cli._run(["git", "remote", "rename", "origin", "acme/remote"], 0)
    cli.commit("one")
    cli("releases", "new", "remote@1")
    cli("releases", "set-commits", "remote@1", "--auto", SENTRY_VCS_REMOTE="acme/remote")
    assert "acme/remote" in cli("repos", "list")


def test_shell_of_the_documentation_works_twice(server: Served) -> None:
    """docs/ci.md without any client: a repetition makes no second deploy."""
    [script] = re.findall(r"```sh\n(.+?)```", (ROOT / "docs" / "ci.md").read_text(), re.DOTALL)
    environment = {
        "PATH": os.environ["PATH"], "SENTRY_URL": server.base, "SENTRY_AUTH_TOKEN": server.token, "SENTRY_ORG": "acme",
        "SENTRY_PROJECT": "web", "BUILD_ID": "build-1",
    }  # fmt: skip
    for _ in range(2):
        process = subprocess.run(
            ["sh", "-e", "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert process.returncode == 0, process.stderr
    assert '"version":"web@1.4.0"' in process.stdout
    assert '"deployCount":1' in process.stdout


def test_documentation_has_the_table_of_what_was_seen() -> None:
    """The last test here: it compares the documentation with what the others saw."""
    if set(SAW) != {(program, version) for _, program, _, version in CLIENTS}:
        pytest.skip("NOT TESTED: not all clients were run")
    head = ["| client | version |" + "".join(f" {step} |" for step in STEPS), "|---|---|" + "---|" * len(STEPS)]
    rows = [
        f"| {program} | {version} |" + "".join(f" {'yes' if step in SAW[program, version] else 'no'} |" for step in STEPS)
        for _, program, _, version in CLIENTS
    ]
    table = "\n".join([*head, *rows]) + "\n"
    text = DOCUMENT.read_text()
    if os.environ.get("GQL_RELEASES_WRITE_DOCS"):
        begin = text.index("| client | version |")
        end = text.index("\n\n", begin) + 1
        DOCUMENT.write_text(text[:begin] + table + text[end:])
    else:
        assert table in text, "write it with GQL_RELEASES_WRITE_DOCS=1"
