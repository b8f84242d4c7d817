"""Files that clients upload: a script with its map, Breakpad's symbols, and a mapping of ProGuard, all of them new each time."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from tests.source_maps import SCRIPT, dump_map


def write_script(folder: Path) -> Path:
    """Write a script with a comment that no other has, and its map, and return the script."""
    folder.mkdir()
    script = folder / "cart.min.js"
    first, *others = SCRIPT.decode().splitlines()
    script.write_text("\n".join([f"{first}/* {uuid.uuid4()} */", *others]) + "\n")
    (folder / "cart.min.js.map").write_bytes(dump_map())
    return script


def read_debug_id(script: Path) -> str:
    """Return the debug id that a client has written into the map of a script."""
    source_map = json.loads(script.with_suffix(".js.map").read_bytes())
    debug_id: str = source_map.get("debugId") or source_map["debug_id"]
    return debug_id


def write_symbols(folder: Path) -> str:
    """Write symbols of a module and return its debug id."""
    folder.mkdir()
    identity = uuid.uuid4()
    lines = (
        f"MODULE Linux x86_64 {identity.hex.upper()}0 shop",
        "FILE 0 main.c",
        "FUNC 1000 10 0 main",
        "1000 10 1 0",
        "PUBLIC 2000 0 start",
    )
    (folder / "shop.sym").write_text("\n".join(lines) + "\n")
    return str(identity)


def write_mapping(path: Path) -> None:
    """Write a mapping of one class."""
    path.write_text(f"com.example.Cart{uuid.uuid4().hex} -> a.a:\n    1:1:void pay():12:12 -> b\n")
