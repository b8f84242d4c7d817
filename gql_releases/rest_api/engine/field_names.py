"""The wire's names for the domain's fields, both ways: bodies in, paths of problems out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gql_releases.domain.errors import Path


@dataclass(frozen=True, slots=True)
class FieldNames:
    """An object's fields: wire name -> (domain name, the fields below it)."""

    fields: Mapping[str, tuple[str, FieldNames | None]] = field(default_factory=dict)

    def to_domain(self, raw: Any) -> Any:
        """Rename the fields of an object, or of each object of a list; leave anything else as it is."""
        if isinstance(raw, list):
            return [self.to_domain(item) for item in raw]
        if not isinstance(raw, dict):
            return raw
        renamed = {}
        for name, value in raw.items():
            if name in self.fields:
                own, below = self.fields[name]
                renamed[own] = below.to_domain(value) if below else value
        return renamed

    def to_wire(self, path: Path) -> Path:
        """Spell a path into the object in the wire's names."""
        spelled: list[str | int] = []
        here: FieldNames | None = self
        for step in path:
            entry = next(((w, n) for w, (d, n) in here.fields.items() if d == step), None) if here else None
            if entry:
                spelled.append(entry[0])
                here = entry[1]
            else:
                spelled.append(step)
        return tuple(spelled)


def same_names(*names: str) -> dict[str, tuple[str, FieldNames | None]]:
    """Return fields whose names are the same in the request and in the domain."""
    return {name: (name, None) for name in names}
