"""docs/graphql-guide.md: each example is run as it stands, and prints what the guide says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import CLIENTS, ROOT, Served, run_node, serving

pytestmark = pytest.mark.e2e

GUIDE = (ROOT / "docs" / "graphql-guide.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```\n(?:<!-- prints: (.*?) -->)?", GUIDE, re.DOTALL)
RUN = [(language, text, prints) for language, text, prints in BLOCKS if not text.startswith("// relay")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("guide")) as result:
        yield result


def test_guide_has_examples_for_each_client() -> None:
    assert len(RUN) == 11
    assert all(prints for _, _, prints in RUN), "each example says what it prints"
    for client in ("apollo.mjs", "urql.mjs", "relay: src/Releases.js", "curl"):
        assert client in GUIDE


@pytest.mark.parametrize(("language", "text", "prints"), RUN, ids=lambda value: value[:24] if len(value) < 40 else "")
def test_example_prints_what_the_guide_says(server: Served, language: str, text: str, prints: str) -> None:
    environment = {**os.environ, "URL": f"{server.base}/graphql", "TOKEN": server.token}
    if language == "bash":
        if not shutil.which("curl"):
            pytest.skip("NOT TESTED: there is no curl on this machine")
        words = ["bash", "-euc", text]
    else:
        script = CLIENTS / "guide.mjs"
        script.write_text(text)
        words = ["node", str(script)]
        environment["PATH"] = f"{os.environ['PATH']}{os.pathsep}{ROOT / '.venv' / 'bin'}"
    process = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert process.returncode == 0, process.stderr
    assert prints in process.stdout, process.stdout


def test_relay_example_compiles() -> None:
    (text,) = [text for _, text, _ in BLOCKS if text.startswith("// relay: src/Releases.js")]
    folder = CLIENTS / "guide"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "src").mkdir(parents=True)
    (folder / "generated").mkdir()
    (folder / "src" / "Releases.js").write_text(text)
    text_text = re.search(r'"customScalarTypes": (\{.*?\})', GUIDE, re.DOTALL)
    assert text_text
    config = '{"src": "./src", "schema": "../schema.graphql", "language": "javascript", "artifactDirectory": "./generated", '
    (folder / "relay.config.json").write_text(config + f'"customScalarTypes": {text_text[1]}}}')
    run_node("relay.config.json", folder=folder, program="relay-compiler")
    built = {path.name for path in Path(folder / "generated").iterdir()}
    assert {"ReleasesQuery.graphql.js", "ReleasesPaginationQuery.graphql.js", "ReleasesDeleteMutation.graphql.js"} <= built
