"""Sentry's SDKs of tests/e2e/sdks.txt, driven with nothing but a DSN, a release and an environment."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.e2e.conftest import ROOT, TOOLS, Served, ask, query
from tests.e2e.recording_proxy import RecordingProxy

SDKS = [tuple(line.split()[1:3]) for line in (ROOT / "tests" / "e2e" / "sdks.txt").read_text().splitlines()]
APPS = ROOT / "tests" / "e2e" / "sdk_apps"
ESBUILD = TOOLS / "esbuild-plugin-5.4.0" / "node_modules" / ".bin" / "esbuild"
HTML = '<body><div id="first"></div><div id="second"></div><script src="app.js"></script>'
RELEASE = """query ($version: String!) { release(by: {key: {organization: "acme", version: $version}}) {
  newIssueCount eventCount origin projects(first: 5) { nodes { slug } }
  health(environment: "production") { sessions crashed errored abnormal unhandled users }
  issues(first: 20) { nodes { issue { title culprit level handled platform introducedIn { version } grouping { step }
    events(first: 5, filter: {release: $version}) { nodes {
      title culprit level handled message platform dist release { version } environment { name } tags { key value }
      sdk { name version } exceptions { type value handled frames {
        function file module line inApp contextLine preContext postContext minified symbolicated } } } } } } } } }"""


def list_versions(package: str) -> list[str]:
    """Return the versions of a package that are installed, newest first."""
    return [version for name, version in SDKS if name == package]


def find_tool(package: str, version: str) -> Path:
    """Return the folder of an installed SDK."""
    tool = TOOLS / f"{package.removeprefix('@sentry/')}-{version}"
    assert (tool / ".installed").exists(), "run `make e2e`, which installs it"
    return tool


def read_dsn(server: Served, proxy: RecordingProxy, project: str) -> str:
    """Return the DSN of a project's first key, with the address of the proxy."""
    [key] = ask(server, f"/api/0/projects/acme/{project}/keys/")
    dsn = key["dsn"]["public"]
    address = server.base.removeprefix("http://")
    assert dsn == f"http://{key['public']}@{address}/{key['projectId']}"
    return str(dsn).replace(address, proxy.base.removeprefix("http://"))


def run_app(words: list[str], tool: Path, dsn: str, release: str, status: int = 0, **more: str) -> str:
    """Run a program whose SDK reads its options from the environment, and return what it printed."""
    environment = {
        "PATH": os.environ["PATH"], "TOOL": str(tool), "SENTRY_DSN": dsn, "SENTRY_RELEASE": release,
        "SENTRY_ENVIRONMENT": "production", **more,
    }  # fmt: skip
    process = subprocess.run(
        words, env=environment, cwd=APPS, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )
    output = process.stdout + process.stderr
    assert process.returncode == status, output
    return output


def bundle(name: str, tool: Path, folder: Path) -> None:
    """Build a page with the SDK of a folder, minified as for production."""
    words = [
        str(ESBUILD), str(APPS / f"{name}.mjs"), "--bundle", "--minify", f"--outfile={folder / 'app.js'}",
        '--define:process.env.NODE_ENV="production"', "--log-level=warning",
    ]  # fmt: skip
    environment = {"PATH": os.environ["PATH"], "NODE_PATH": str(tool / "node_modules")}
    subprocess.run(words, env=environment, check=True, timeout=60)


@contextlib.contextmanager
def serve_page(folder: Path, html: str = HTML, **settings: str) -> Iterator[str]:
    """Serve a built page from an origin of its own, with settings for its script, and yield its address."""
    start = f'<!doctype html><link rel="icon" href="data:,"><script>SETTINGS = {json.dumps(settings)}</script>'
    (folder / "index.html").write_text(start + html)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Pages, directory=str(folder))) as site:
        thread = threading.Thread(target=site.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{site.server_port}"
        finally:
            site.shutdown()
            thread.join(10)


class _Pages(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing."""


def read_release(server: Served, version: str) -> Any:
    """Return a release over GraphQL, with its issues and their events."""
    release = query(server, RELEASE, {"version": version})["release"]
    assert release, f"no event made the release {version}"
    return release


def list_events(release: Any) -> dict[tuple[str, bool | None], Any]:
    """Return the events of a release by title and whether they were handled, each with its issue."""
    nodes = [node["issue"] for node in release["issues"]["nodes"]]
    pairs = [(event, issue) for issue in nodes for event in issue["events"]["nodes"]]
    events = {(event["title"], event["handled"]): event | {"issue": issue} for event, issue in pairs}
    assert len(events) == len(pairs) == release["eventCount"]
    return events


def find_line(app: str, statement: str) -> int:
    """Return the number of the only line of an app that has this statement."""
    [line] = [number for number, text in enumerate((APPS / app).read_text().splitlines(), 1) if text.strip() == statement]
    return line
