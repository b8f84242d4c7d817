"""The documentation is complete: every error code, command, setting and route stands in it."""

from __future__ import annotations

import re
from pathlib import Path

import click
import typer

from gql_releases.cli import cli
from gql_releases.domain.errors import ErrorCode
from gql_releases.domain.history import CommitStatus
from gql_releases.domain.principal import Scope
from gql_releases.domain.release import RELEASE_FIELDS
from gql_releases.domain.search.issue_search import FILTERS as ISSUE_FILTERS
from gql_releases.domain.search.search import FILTERS
from gql_releases.graphql_api.execution.errors import PAYLOAD_CODES
from gql_releases.ingest.not_implemented import INGEST_NOT_IMPLEMENTED
from gql_releases.rest_api.engine.errors import STATUSES
from gql_releases.rest_api.engine.not_implemented import NOT_IMPLEMENTED
from gql_releases.rest_api.engine.parameters import SORTS
from gql_releases.rest_api.loader import ROUTES
from gql_releases.settings import Settings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def test_every_error_code_is_documented_with_its_place() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.*) \| (.*) \|$", (DOCS / "errors.md").read_text(), re.MULTILINE)
    assert {name: status for name, _, status in rows} == {code.value: str(STATUSES[code]) for code in ErrorCode}
    assert {name for name, place, _ in rows if place == "userErrors"} == {code.value for code in PAYLOAD_CODES}


def test_every_status_of_commits_is_documented_in_order() -> None:
    assert re.findall(r"^\| `(\w+)` \|", (DOCS / "commits.md").read_text(), re.MULTILINE) == list(CommitStatus)


def commands(group: click.Group, words: str = "gql-releases") -> list[str]:
    names = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        names += commands(command, f"{words} {name}") if hasattr(command, "list_commands") else [f"{words} {name}"]  # type: ignore[arg-type]
    return names


def test_every_command_is_documented() -> None:
    text = (DOCS / "operations" / "commands.md").read_text()
    named = commands(typer.main.get_command(cli))  # type: ignore[arg-type]
    assert len(named) == 24
    assert [item for item in named if f"`{item}" not in text] == []


def test_every_setting_is_documented_with_its_default() -> None:
    text = (DOCS / "operations" / "configure.md").read_text()
    for name, field in Settings.model_fields.items():
        row = re.search(rf"^\| `GQL_RELEASES_{name.upper()}` \| (.*?) ?\|", text, re.MULTILINE)
        assert row, name
        default = (
            ""
            if field.default in (None, ())
            else f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"
        )
        assert row[1] == default, name


def render_pattern(pattern: tuple[str, ...]) -> str:
    variables = {
        "organizations": "{org}",
        "projects": "{org}",
        "*": "{project}",
        "artifact-bundles": "{bundleId}",
        "files": "{id}",
        "keys": "{keyId}",
    }
    variables |= {"releases": "{version}", "issues": "{issue}", "events": "{event}"}
    parts = zip(("", *pattern), pattern, strict=False)
    return "/api/0/" + "".join(f"{variables[before] if part == '*' else part}/" for before, part in parts)


def test_every_route_and_scope_is_documented() -> None:
    text = (DOCS / "operations" / "http.md").read_text()
    rows = re.findall(r"^\| `(/api/0/.*?)` \| ([A-Z, ]+) \|$", text, re.MULTILINE)
    assert {(route, frozenset(methods.split(", "))) for route, methods in rows} == {
        (render_pattern(pattern), frozenset(handlers)) for pattern, handlers in ROUTES.items()
    }
    tokens = (DOCS / "operations" / "configure.md").read_text().partition("## Tokens")[2]
    assert all(f"`{scope}`" in tokens for scope in Scope)


def test_every_endpoint_is_compared_with_sentrys() -> None:
    text = (DOCS / "sentry-compatibility.md").read_text()
    rows = re.findall(r"^\| `([A-Z]+) (/api/0/.*?)` \| (\w+)", text, re.MULTILINE)
    assert sorted((method, route) for method, route, _ in rows) == sorted(
        (method, render_pattern(pattern)) for pattern, handlers in ROUTES.items() for method in handlers
    )
    assert {state for _, _, state in rows} == {"same", "better"}


def test_every_path_that_is_not_implemented_is_documented_with_its_sentence() -> None:
    rows = re.findall(r"^\| (This server .+?) \| (.+) \|$", (DOCS / "sentry-compatibility.md").read_text(), re.MULTILINE)
    sentences: dict[str, list[str]] = {}
    for pattern, sentence in NOT_IMPLEMENTED.items():
        sentences.setdefault(sentence, []).append(render_path(pattern))
    for name, sentence in INGEST_NOT_IMPLEMENTED.items():
        sentences.setdefault(sentence, []).append(f"/api/{{project}}/{name}/")
    assert rows == [(sentence, ", ".join(f"`{path}`" for path in sorted(paths))) for sentence, paths in sentences.items()]


def render_path(pattern: tuple[str, ...]) -> str:
    names = iter(["{org}", *["{project}"] * (pattern[1:2] == ("projects",)), "{version}"])
    if pattern[-1] == "*" or pattern[3:4] == ("projects",):
        names = iter(["{org}", "{id}"])
    return "/api/" + "".join(f"{next(names) if part == '*' else part}/" for part in pattern)


def test_every_filter_and_sort_is_documented() -> None:
    text = (DOCS / "sentry-compatibility.md").read_text()
    queries, _, of_issues = text.partition("## Queries")[2].partition("| filter of issues |")
    rows = re.findall(r"^\| (`.+?`) \|", of_issues.partition("\n\n")[0], re.MULTILINE)
    assert sorted(re.findall(r"`(.+?)`", " ".join(rows))) == sorted(ISSUE_FILTERS)
    assert sorted(re.findall(r"^\| `([a-z.]+)` \|", queries, re.MULTILINE)) == sorted(FILTERS)
    assert all(f"`{sort}`" in text for sort in SORTS)


def test_every_message_of_the_troubleshooting_is_in_the_code() -> None:
    """Messages of the clients, in the first section, are in their own code."""
    sections = (DOCS / "troubleshooting.md").read_text().partition("\n## GraphQL and REST")[2]
    files = [ROOT / "Makefile", *sorted((ROOT / "gql_releases").rglob("*.py"))]
    source = re.sub(r'"\s*f?"', "", "\n".join(file.read_text() for file in files))
    cells = re.findall(r"^\| (`.+?) \|", sections, re.MULTILINE)
    messages = [text for cell in cells for text in re.findall(r"`([^`]+? [^`]+)`", cell)]
    assert len(messages) > 10
    assert [text for text in messages if not re.search(message_pattern(text), source)] == []


def message_pattern(message: str) -> str:
    """Return the pattern of a message in source code, where numbers and paths are expressions in braces."""
    return " ".join(".{1,40}?" if re.search(r"[0-9]|^/|^GQL_", word) else re.escape(word) for word in message.split())


def test_fields_that_an_existing_release_keeps_are_documented() -> None:
    """Each field of RELEASE_FIELDS under its name in the API, in the sentence on repeated creations."""
    guide = " ".join((DOCS / "graphql-guide.md").read_text().split())
    compatibility = (DOCS / "sentry-compatibility.md").read_text()
    kept_fields = [field for field in RELEASE_FIELDS if field.is_kept]
    named = re.findall(r"\w+", re.search(r"An existing release keeps its (.+?), and `ignoredFields`", guide)[1])  # type: ignore[index]
    assert set(named) - {"and"} == {field.graphql_name for field in kept_fields}, "docs/graphql-guide.md"
    row = re.search(r"^\| creation of an existing version \| (.+?) are kept;", compatibility, re.MULTILINE)
    assert row
    rest_names = {field.rest_name for field in kept_fields if field.rest_name}
    assert set(re.findall(r"`(\w+)`", row[1])) == rest_names, "docs/sentry-compatibility.md"


def test_fields_that_are_not_forwarded_are_documented() -> None:
    text = " ".join((DOCS / "forwarding.md").read_text().split())
    listed = re.search(r"Not sent, because Sentry has no fields for it: (.+?)\. ", text)
    assert listed
    names = [field.graphql_name for field in RELEASE_FIELDS if not field.is_in_sentry]
    assert [name for name in names if name not in re.findall(r"\w+", listed[1])] == [], "docs/forwarding.md"


def test_readme_opens_with_the_two_commands() -> None:
    opening = (ROOT / "README.md").read_text()[:400]
    assert opening.index("make run") < opening.index("make test")


def test_every_feature_names_a_test_and_an_example_that_exist() -> None:
    rows = re.findall(
        r"^\| (.+) \| `(tests/.+?)::(\w+)` \| (.+) \|$", (DOCS / "graphql-features.md").read_text(), re.MULTILINE
    )
    assert len(rows) > 35
    examples = {file.stem for file in (ROOT / "graphiql" / "src" / "examples").glob("*.graphql")}
    sections = set(re.findall(r"^## (.+)$", (DOCS / "graphql-guide.md").read_text(), re.MULTILINE))
    for feature, file, test, example in rows:
        assert f"def {test}(" in (ROOT / file).read_text(), feature
        for named in re.findall(r"\b[0-9]{2}-\w+", example):
            assert named in examples, feature
        if example.startswith("guide, "):
            assert example.removeprefix("guide, ") in sections, feature


def test_every_file_that_a_text_names_exists() -> None:
    """Except modules of the package: CONTRIBUTING.md also names some that a new noun would have."""
    texts = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "benchmarks" / "README.md", ROOT / "tests" / "README.md"]
    missing = [
        (text.name, name)
        for text in texts
        if text.name != "CHANGELOG.md"
        for name in re.findall(
            r"(?<![\w/.])(?:tests|benchmarks|docs|deploy|graphiql|\.ci)/[\w./-]*\w\.\w+", text.read_text()
        )
        if not (ROOT / name).exists()
    ]
    assert missing == []
