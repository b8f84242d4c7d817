"""The query and the mutation of README.md return on the demo what README.md shows below them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from gql_releases.commands.demo import fill
from tests.conftest import Harness

README = (Path(__file__).parents[1] / "README.md").read_text()
EXAMPLES = re.findall(r"```graphql\n(.*?)```\n\n```json\n(.*?)```", README, re.DOTALL)


def test_examples_return_what_the_readme_shows(harness: Harness) -> None:
    harness.run(fill(harness.store, None))
    assert [document.split()[0] for document, _ in EXAMPLES] == ["query", "mutation"]
    for document, answer in EXAMPLES:
        assert harness.client.graphql(document) == json.loads(answer)
