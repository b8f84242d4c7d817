"""The lock files have what pyproject.toml asks for, with hashes and without addresses."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PYTHONS = runpy.run_path(str(FOLDER / "lock.py"))["PYTHONS"]
RUN = [
    *PROJECT["build-system"]["requires"],
    *PROJECT["project"]["dependencies"],
    *PROJECT["project"]["optional-dependencies"]["files"],
]
EXTRAS = [line for extra in PROJECT["project"]["optional-dependencies"].values() for line in extra]


def locked_versions(lock: Path) -> dict[str, str]:
    """Return the version of each package in a lock file."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", lock.read_text(), re.MULTILINE))


def test_each_supported_python_has_lock_files() -> None:
    names = {f"{python}{suffix}.txt" for python in PYTHONS for suffix in ("", "-dev")}
    assert {path.name for path in FOLDER.glob("*.txt")} == {*names, "node.txt"}
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert PYTHONS[0] == oldest


@pytest.mark.parametrize("python", PYTHONS)
def test_lock_files_fit_pyproject(python: str) -> None:
    run, everything = (locked_versions(FOLDER / f"{python}{suffix}.txt") for suffix in ("", "-dev"))
    for versions, lines in ((run, RUN), (everything, RUN + EXTRAS)):
        for line in lines:
            requirement = Requirement(line)
            version = versions.get(canonicalize_name(requirement.name))
            assert version, f"{line} is not locked for Python {python}: run make lock"
            assert requirement.specifier.contains(version), f"{version} is locked, not {line}: run make lock"
    assert run.items() <= everything.items(), "a package has one version, whatever is installed"


@pytest.mark.parametrize("lock", sorted(FOLDER.glob("*.txt")), ids=lambda lock: lock.name)
def test_each_locked_version_has_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert not re.findall(r"^ *--(?!hash=sha256:[0-9a-f]{64}\b)|@ ", text, re.MULTILINE)
    packages = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
    assert len(packages) == len(locked_versions(lock))
    assert [package for package in packages if "--hash=sha256:" not in package] == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with install.sh and a Python whose pip prints what it is called with."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "install.sh").write_text((FOLDER / "install.sh").read_text())
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in ("python", "uv"):
        command = tmp_path / ".venv" / "bin" / name
        command.write_text('#!/bin/sh\nif [ "$1" = -c ]; then echo 3.12; else echo "$(basename "$0") $*"; fi\n')
        command.chmod(0o755)
    return tmp_path


def install(project: Path, what: str, **environment: str) -> subprocess.CompletedProcess[str]:
    script = project / "requirements" / "install.sh"
    return subprocess.run(
        ["bash", str(script), what],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


PIP = "python -m pip --quiet --disable-pip-version-check install"


@pytest.mark.parametrize(("what", "lock"), [("run", "3.12.txt"), ("dev", "3.12-dev.txt")])
def test_install_checks_hashes_where_there_is_a_lock_file(project: Path, what: str, lock: str) -> None:
    (project / "requirements" / lock).write_text("")
    assert install(project, what).stdout.splitlines() == [
        f"{PIP} --require-hashes --requirement requirements/{lock}",
        f"{PIP} --no-deps --no-build-isolation --editable .",
    ]


def test_install_without_a_lock_file_says_so(project: Path) -> None:
    assert install(project, "run").stdout.splitlines() == [
        "No lock file for Python 3.12 (requirements/3.12.txt): installing what pyproject.toml allows, without hashes.",
        f"{PIP} --editable .[files]",
    ]


def test_install_takes_the_newest_or_lowest_versions(project: Path) -> None:
    (project / "requirements" / "3.12-dev.txt").write_text("")
    extras = ".[bench,dev,e2e,files,otel]"
    assert set(re.findall(r"\w+", extras)) == set(PROJECT["project"]["optional-dependencies"])
    newest = install(project, "dev", DEPENDENCIES="newest").stdout.splitlines()
    assert newest == [f"{PIP} --upgrade --upgrade-strategy eager --editable {extras}"]
    lowest = install(project, "dev", DEPENDENCIES="lowest").stdout.splitlines()
    assert [line.partition(" ")[0] for line in lowest] == ["python", "uv"]
    assert f"--resolution lowest-direct --editable {extras}" in lowest[1]
    assert install(project, "dev", DEPENDENCIES="other").returncode == 2


def test_nothing_is_installed_without_hashes_elsewhere() -> None:
    """Only requirements/ runs pip install, and the places where a test installs the versions of a client that it names."""
    files = [ROOT / "Makefile", *ROOT.glob("graphiql/*.py"), *ROOT.glob(".ci/*"), *ROOT.glob("deploy/**/Dockerfile")]
    lines = [
        line
        for path in files
        if path.is_file()
        for line in path.read_text().splitlines()
        if re.search(r"pip.*\binstall\b", line)
    ]
    assert [line for line in lines if "--require-hashes" not in line and "--no-deps" not in line] == []
