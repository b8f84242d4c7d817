"""Lists definitions whose names the code base no longer uses: `python -m tests.retired_names [FILE ...]`.

Modules and classes are nouns of the field, functions are verbs, locals are named for what they hold (docs/architecture.md).
A definition is a module, class, function, constant, argument or local variable; attributes, dataclass fields and
members of an enumeration, whose values are stored and sent, are not.
"""

# ruff: noqa: SIM905 - lists of words are easier to read as a text

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

LOCALS = frozenset("one found given made asked said told known wanted taken each done".split())
"""Names that say nothing about the value that they hold."""

MODULES = frozenset(
    "known creating gathering finding looking lines upserts statistics migrating revisions copying ends parts inventory "
    "picks derived catalogue spelling walking levels assembling compiling preparing planning steps collecting coercing "
    "payload_types checking trusted shapes listing wire front rates explorer minting judging sealing sending running "
    "demonstration importing".split()
)

CLASSES = frozenset(
    "There Kept Created Found Named Linked Sent Stored Known Head Looked Line Tail Walk Placed Waiting Joined Prepared "
    "RowsStatement Asked OneStep ListStep NodeStep CommandStep ConstantStep IntrospectionStep Preparer Picked Written "
    "Commanded Mismatch PickPlan Selector SlotPlan Shown Size Pick Speller Pieces Translated KnownStore NoAnswer Reply "
    "Arrived Later Never Seal CannotOpen Mint Minted TokenKeeper Keeper Gathered Watch Compared Taken End Front OneWrite "
    "Listed Imported Rules House".split()
)

FUNCTIONS = frozenset(
    "named gathered looking look draw settle optional planned commanded embedded compared picked written spelled routed "
    "numbered bound listed made own apart in_turns let_go digest_of hint_of judge judge_silence is_this_deploy seal_of "
    "core answer".split()
)

CONSTANTS = frozenset(
    "AT_ONCE LARGE USUAL TURN PATIENCE PATIENCE_MS BUSY_MS GROUP POOL BLOCK ATTEMPTS STATEMENTS IDLE LOOKS GRACE MARGIN POLL "
    "FIRST LONGEST_ASKED LONGEST ANSWER_BYTES KEPT NOTE_EVERY KEPT_OPERATIONS KEPT_CHARACTERS PLANS_PER_SELECTION MOST TURNS "
    "SEVERAL OFTEN FEW WOKEN DELAY WINDOW LOCK MARKS AGAIN UNDER_WAY LOST ALIVE NEVER FIND LIST LOOK COUNTS CLEAR FORGET "
    "BY_ID BY_SLUG CHANGE SET PUT COUNTING SCANNING COMMAND_COST IN_PAYLOAD IN_ERRORS FILLED REFUSED AWAY "
    "NEWEST COLLECT_AFTER LOCAL_PAGES EXPOSED FRESH_IDS".split()
)

_PARTICIPLE = re.compile(r"_?[a-z]+(?:ed|ept|ung)")
_NOT_PARTICIPLES = frozenset(
    "feed need seed embed speed exceed proceed own event agent present print count sent_at document".split()
)


def list_retired_names(path: Path) -> Iterator[tuple[int, str, str]]:
    """Return line, kind and name of each definition of a file that has a retired name."""
    tree = ast.parse(path.read_text())
    if path.stem in MODULES:
        yield 1, "module", path.stem
    yield from _list_in(tree, in_function=False)


def _list_in(node: ast.AST, *, in_function: bool) -> Iterator[tuple[int, str, str]]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)) if name == value:
                continue
            case ast.ClassDef(name=name):
                if name.lstrip("_") in CLASSES:
                    yield child.lineno, "class", name
                yield from _list_in(child, in_function=False)
                continue
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if is_retired_function(name):
                    yield child.lineno, "function", name
                yield from _list_in(child, in_function=True)
                continue
            case ast.Lambda():
                yield from _list_in(child, in_function=True)
                continue
            case ast.arg(arg=name) if name.lstrip("_") in LOCALS:
                yield child.lineno, "argument", name
            case ast.Name(id=name, ctx=ast.Store()):
                if name.lstrip("_") in LOCALS and (in_function or isinstance(node, ast.comprehension | ast.For)):
                    yield child.lineno, "local", name
                elif not in_function and name.lstrip("_") in CONSTANTS:
                    yield child.lineno, "constant", name
        yield from _list_in(child, in_function=in_function)


def is_retired_function(name: str) -> bool:
    """Return whether a function's name is retired: listed, a participle, or `_of_...` and `..._of`."""
    bare = name.lstrip("_")
    if bare in FUNCTIONS or bare in LOCALS or bare.startswith("of_") or bare.endswith("_of"):
        return True
    return bool(_PARTICIPLE.fullmatch(name)) and bare not in _NOT_PARTICIPLES


def list_files() -> list[Path]:
    """Return the Python files whose names are checked."""
    return [file for folder in ("gql_releases", "tests") for file in sorted((ROOT / folder).rglob("*.py"))]


if __name__ == "__main__":
    files = [Path(name) for name in sys.argv[1:]] or list_files()
    for file in files:
        for number, kind, name in list_retired_names(file):
            print(f"{file}:{number}: {kind} {name}")
