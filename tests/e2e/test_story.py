"""What did this release break: a change of a real checkout breaks a built page in a browser, and the server names it.

sentry-cli creates the releases with their commits, Sentry's plugin of vite uploads the source maps, @sentry/browser sends the
errors, and sentry-cli resolves the issue in the next release, where it comes back.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bundlers import BUNDLERS, Checkout
from tests.e2e.conftest import Served, ask, query
from tests.e2e.recording_proxy import RecordingProxy, record
from tests.e2e.sdks import find_tool, list_versions, read_dsn, serve_page
from tests.e2e.test_sentry_cli import CLI, Program

pytestmark = pytest.mark.e2e

OLD_CLI = next(version for version in CLI if version.startswith("2.58."))
PAGE = """import * as Sentry from "@sentry/browser";
import { checkout } from "./cart";

declare const SETTINGS: { dsn: string; environment: string };

Sentry.init(SETTINGS);
document.getElementById("pay")!.addEventListener("click", () => {
  document.title = checkout([{ name: "pen", price: 2 }], []);
});
Object.assign(window, { flush: () => Sentry.flush(5000) });
"""
CART = """export interface Item {
  name: string;
  price: number;
}

function addPrices(prices: number[]): number {
  return prices.reduce((sum, price) => sum + price, 0);
}

export function checkout(items: Item[], coupons: number[]): string {
  return `${addPrices(items.map((item) => item.price))} - ${addPrices(coupons)}`;
}
"""
GUARD = """  if (prices.length === 0) {
    throw new RangeError("nothing to add");
  }
"""
BROKEN_CART = CART.replace("  return prices", GUARD + "  return prices")
THROW = 'throw new RangeError("nothing to add");'
HTML = '<!doctype html><button id="pay">Pay</button><script type="module" src="/src/index.ts"></script>\n'
CONFIG = """  resolve: { alias: { "@sentry/browser": process.env.SDK } },
  build: {"""

BROKE = """query ($version: String!) { release(by: {key: {organization: "acme", version: $version}}) {
  newIssueCount
  health(environment: "production") { sessions unhandled crashed }
  introducedIssues(first: 5) { nodes { ...Story } }
  regressedIssues(first: 5) { nodes { ...Story } } } }
fragment Story on Issue { id shortId title culprit status times introducedIn { version } lastRelease { version }
  regressedIn { version } comparedBy grouping { step } suspectStatus
  suspectCommits { commit { sha message author { name email } } score reason { path framePath matchedSegments releasesBack } }
  resolution { in release { version } }
  latestEvent { release { version } handled environment { name } exceptions { type value frames {
    file function line contextLine preContext postContext symbolicated minified } } } }"""


class Shop:
    """The checkout, its clients and the page in a browser."""

    def __init__(self, server: Served, proxy: RecordingProxy, page: Any, folder: Path) -> None:
        self.server, self.proxy, self.page = server, proxy, page
        self.checkout = Checkout("vite", BUNDLERS[0][1], server, folder / "story", slug="story")
        self.work = self.checkout.work
        config = self.work / "vite.config.mjs"
        config.write_text(config.read_text().replace("  build: {", CONFIG))
        (self.work / "src" / "index.ts").write_text(PAGE)
        (self.work / "index.html").write_text(HTML)
        sdk = find_tool("@sentry/browser", list_versions("@sentry/browser")[0])
        self.checkout.environment["SDK"] = str(sdk / "node_modules" / "@sentry" / "browser")
        self.clients = [Program("sentry-cli", version, server, folder / version) for version in (CLI[0], OLD_CLI)]
        for client in self.clients:
            client.work = self.work
            client.environment["SENTRY_PROJECT"] = "story"
        self.dsn = read_dsn(server, proxy, "story")

    def commit(self, cart: str, author: str, message: str) -> str:
        """Commit the cart, as its author, and return the commit's sha."""
        (self.work / "src" / "cart.ts").write_text(cart)
        self.checkout.environment |= {"GIT_AUTHOR_NAME": author, "GIT_AUTHOR_EMAIL": f"{author.lower()}@example.com"}
        return self.checkout.commit(message)

    def release(self, version: str) -> None:
        """Create a release with its commits, build and upload it, and finalize it."""
        cli = self.clients[0]
        cli("releases", "new", version)
        cli("releases", "set-commits", version, "--local", "--ignore-missing")
        printed = self.checkout.build(version, release={"create": False, "finalize": False, "setCommits": False})
        assert not re.search("error|warning:|fail", printed, re.IGNORECASE), printed
        cli("releases", "finalize", version)

    def pay(self) -> None:
        """Open the built page and click its button."""
        site = self.work / "site"
        shutil.rmtree(site, ignore_errors=True)
        shutil.copytree(self.work / "dist", site, ignore=shutil.ignore_patterns("*.map"))
        index = site / "index.html"
        with serve_page(site, index.read_text(), dsn=self.dsn, environment="production") as base:
            self.page.goto(f"{base}/index.html")
            self.page.click("#pay")
            self.page.wait_for_timeout(50)
            assert self.page.evaluate("flush()")
            self.page.wait_for_load_state("networkidle")
            self.page.goto("about:blank")

    def read_issue(self, version: str) -> Any:
        """Return the only issue that a release introduced."""
        [issue] = self.ask_what_broke(version)["introducedIssues"]["nodes"]
        return issue

    def ask_what_broke(self, version: str) -> Any:
        """Return a release with the issues that it introduced and those that came back with it."""
        return query(self.server, BROKE, {"version": version})["release"]


@pytest.fixture
def shop(server: Served, page: Any, tmp_path: Path) -> Iterator[Shop]:
    for folder in ("story", CLI[0], OLD_CLI):
        (tmp_path / folder).mkdir()
    with record(server.base) as proxy:
        yield Shop(server, proxy, page, tmp_path)
    proxy.assert_nothing_was_lost()


def test_release_that_broke_a_page_is_known_with_the_commit_that_did(shop: Shop) -> None:
    shop.commit(CART, "Ada", "add the cart")
    shop.release("story@1.0.0")
    shop.pay()
    assert shop.ask_what_broke("story@1.0.0")["introducedIssues"]["nodes"] == []
    guilty = shop.commit(BROKEN_CART, "Grace", "refuse empty lists")
    shop.commit(BROKEN_CART, "Ada", "say more in the text")
    shop.release("story@1.1.0")
    for _ in range(2):
        shop.pay()

    release = shop.ask_what_broke("story@1.1.0")
    [issue] = release["introducedIssues"]["nodes"]
    assert (release["newIssueCount"], issue["title"], issue["times"]) == (1, "RangeError: nothing to add", 2)
    assert (issue["introducedIn"], issue["status"]) == ({"version": "story@1.1.0"}, "UNRESOLVED")
    assert issue["grouping"]["step"] == "STACK"
    assert release["health"] == {"sessions": 2, "unhandled": 2, "crashed": 0}
    event = issue["latestEvent"]
    assert (event["handled"], event["environment"]) == (False, {"name": "production"})
    frame = event["exceptions"][0]["frames"][0]
    line = BROKEN_CART.splitlines().index("    " + THROW) + 1
    assert (frame["file"].removeprefix("./"), frame["line"], frame["function"]) == ("src/cart.ts", line, "addPrices")
    assert (frame["contextLine"], frame["symbolicated"], frame["minified"]) == ("    " + THROW, True, False)
    assert frame["preContext"][-1] == "  if (prices.length === 0) {"
    [suspect, *_] = issue["suspectCommits"]
    assert (suspect["commit"]["sha"], suspect["commit"]["message"]) == (guilty, "refuse empty lists")
    assert suspect["commit"]["author"] == {"name": "Grace", "email": "grace@example.com"}
    assert suspect["reason"]["path"] == "src/cart.ts"
    assert suspect["reason"]["releasesBack"] == 0

    [listed] = ask(shop.server, "/api/0/projects/acme/story/issues/")
    number = listed["id"]
    assert (listed["shortId"], listed["isUnhandled"]) == (issue["shortId"], True)
    for cli in shop.clients:
        assert re.search(rf"\| {number} +\| {issue['shortId']} +\| RangeError: nothing to add", cli("issues", "list"))
        assert "RangeError: nothing to add" in cli("events", "list")
        assert "Updated matching issues" in cli("issues", "resolve", "-i", number)
        assert shop.read_issue("story@1.1.0")["status"] == "RESOLVED"
        assert "Updated matching issues" in cli("issues", "unresolve", "-i", number)
        assert shop.read_issue("story@1.1.0")["status"] == "UNRESOLVED"

    shop.clients[0]("issues", "resolve", "--next-release", "-i", number)
    resolved = shop.read_issue("story@1.1.0")
    assert (resolved["status"], resolved["resolution"]) == ("RESOLVED", {"in": "NEXT_RELEASE", "release": None})
    shop.pay()
    assert shop.read_issue("story@1.1.0")["status"] == "RESOLVED", "1.1.0 is older than the fix"
    shop.commit(BROKEN_CART + "// mended\n", "Ada", "mend it")
    shop.release("story@1.2.0")
    assert shop.read_issue("story@1.1.0")["resolution"] == {"in": "RELEASE", "release": {"version": "story@1.2.0"}}
    shop.pay()
    release = shop.ask_what_broke("story@1.2.0")
    assert (release["newIssueCount"], release["introducedIssues"]["nodes"]) == (0, [])
    [again] = release["regressedIssues"]["nodes"]
    assert (again["id"], again["status"], again["times"]) == (issue["id"], "UNRESOLVED", 4)
    assert again["regressedIn"] == again["lastRelease"] == {"version": "story@1.2.0"}
    assert (again["introducedIn"], again["comparedBy"]) == ({"version": "story@1.1.0"}, "SEMVER")
