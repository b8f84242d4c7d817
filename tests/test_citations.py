"""Citations resolve: each `docs/page.md#anchor` in code and each link of a page names a page and an anchor that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "gql_releases"
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
SOURCES = [
    file
    for folder in ("gql_releases", "tests", "benchmarks")
    for file in (ROOT / folder).rglob("*.py")
    if file != Path(__file__)
]
CITATION = re.compile(r"(?<![/\w])((?:docs|benchmarks)/[\w./-]+\.md|[A-Z]+\.md)(?:#([\w-]+))?")
FILE_NAME = re.compile(r"`((?:\w[\w-]*/)*[\w.-]*/|(?:\w[\w-]*/)+[\w.-]+|\w+\.py)`")
"""A file or folder that a page names."""
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
UNSTABLE = re.compile(
    r"[Cc]ontract,? (?:sections? )?\d|[Aa]rchitecture, rules? \d|\.\./shared|\b[Ss]ections? \d+\.\d+\b(?!\.\d)|sentry-clients\.md|harness\.md|/ \"design\""
)
"""Citations by number alone, and of documents that are not in the repository."""
STANDARDS = re.compile(r"RFC \d+|GraphQL specification")


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page: its `<a id>` elements, and its headings as GitHub spells them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)
    plain = [re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading).strip().lower() for heading in headings]
    slugs = [re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain]
    return frozenset([*re.findall(r'<a id="([^"]+)">', text), *slugs])


def list_unresolved(targets: Iterator[tuple[Path, str, str]], base: Path | None = None) -> list[str]:
    """Return the targets, each of a file, a page and perhaps an anchor, that do not exist. Pages are relative to base or to their file."""
    missing = []
    for file, page, anchor in targets:
        target = (base or file.parent) / page if page else file
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            missing.append(f"{file.relative_to(ROOT)}: {page}#{anchor}")
    return missing


def test_each_citation_in_code_names_a_page_and_an_anchor_that_exist() -> None:
    citations = [(file, page, anchor) for file in SOURCES for page, anchor in CITATION.findall(file.read_text())]
    assert sum(page == "docs/sentry-contract.md" for _, page, _ in citations) > 100
    assert list_unresolved(iter(citations), ROOT) == []


def test_each_link_of_a_page_names_a_page_and_an_anchor_that_exist() -> None:
    links = [(file, page, anchor) for file in PAGES for page, anchor in LINK.findall(file.read_text())]
    assert sum(bool(anchor) for *_, anchor in links) > 50
    assert list_unresolved(iter(links)) == []


def test_each_file_that_contributing_names_exists() -> None:
    """Files are named by their path from the root or from the package."""
    names = FILE_NAME.findall((ROOT / "CONTRIBUTING.md").read_text())
    assert len(names) > 20
    built = {".venv/", "dist/"}
    assert [
        name for name in names if name not in built and not any((base / name).exists() for base in (ROOT, PACKAGE))
    ] == []


def test_each_item_and_server_of_the_benchmark_is_in_the_glossary() -> None:
    measured = (ROOT / "benchmarks" / "README.md").read_text().partition("## What is measured")[2].partition("\n## ")[0]
    items, servers = (
        re.findall(r"^\| ([A-Z]\d) \|", measured, re.MULTILINE),
        re.findall(r"^- \*\*(\w+)\*\*:", measured, re.MULTILINE),
    )
    assert len(items) > 5
    assert len(servers) > 2
    assert {item.lower() for item in items} | set(servers) <= anchors(ROOT / "docs" / "glossary.md")


def test_no_citation_is_by_number_alone_or_of_a_document_that_is_not_here() -> None:
    lines = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in [*SOURCES, *PAGES]
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if UNSTABLE.search(line) and not STANDARDS.search(line)
    ]
    assert lines == []
