"""PostGraphile 5: its packages, its Node and the function by which it creates releases."""

from __future__ import annotations


def command(url: str, port: int, language: str) -> list[str]:
    """Give the words that serve a store; installs what is missing first."""
    raise NotImplementedError
