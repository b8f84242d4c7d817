"""Field names of the REST API and of the domain: request bodies and paths of problems are translated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gql_releases.domain.errors import Path


@dataclass(frozen=True, slots=True)
class FieldNames:
    """An object's fields: wire name -> (domain name, fields of the nested object or None)."""

    fields: Mapping[str, tuple[str, FieldNames | None]] = field(default_factory=dict)

    def to_domain(self, raw: Any) -> Any:
        """Return an object, or a list of them, with domain names. Unknown fields are dropped; other values are unchanged."""
        if isinstance(raw, list):
            return [self.to_domain(item) for item in raw]
        if not isinstance(raw, dict):
            return raw
        renamed = {}
        for name, value in raw.items():
            if name in self.fields:
                domain_name, nested = self.fields[name]
                renamed[domain_name] = nested.to_domain(value) if nested else value
        return renamed

    def to_wire(self, path: Path) -> Path:
        """Return a path with the wire's names. A step without a field is unchanged."""
        wire_path: list[str | int] = []
        names: FieldNames | None = self
        for step in path:
            entry = next(((w, n) for w, (d, n) in names.fields.items() if d == step), None) if names else None
            if entry:
                wire_path.append(entry[0])
                names = entry[1]
            else:
                wire_path.append(step)
        return tuple(wire_path)


def same_names(*names: str) -> dict[str, tuple[str, FieldNames | None]]:
    """Return fields whose names are the same in the request and in the domain."""
    return {name: (name, None) for name in names}
