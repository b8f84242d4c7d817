"""Items that SDKs sent in runs of our own programs: a shop in Python, a cart in Node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

FIXTURES = Path(__file__).parent / "fixtures"
SDKS = ("python-2.75.0", "python-1.45.1", "node-11.12.0", "node-8.55.2")
"""Each has a file of items, a JSON object `{"type", "payload"}` on each line, in the order in which they arrived.

The programs ran as version shop@1.2.0 or cart@2.0.0 in production, with user 42 and the tag tenant=acme.
"""


def load_items(sdk: str, kind: str) -> list[dict[str, Any]]:
    """Return the payloads of the items of a type."""
    items = map(orjson.loads, (FIXTURES / f"{sdk}.jsonl").read_bytes().splitlines())
    return [item["payload"] for item in items if item["type"] == kind]
