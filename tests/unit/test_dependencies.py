"""A version of a library outside of its bounds is refused before the code that uses its undocumented parts is imported."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from gql_releases import cli, dependencies


@pytest.mark.parametrize("installed", ["0.53.9", "0.55.0", "0.55.0rc1", "1.0"])
def test_version_outside_of_its_bounds_ends_a_command(
    installed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dependencies, "requires", lambda package: ["orjson>=3.13.0", "uvicorn<0.55,>=0.54.0"])
    monkeypatch.setattr(dependencies, "version", lambda name: installed if name == "uvicorn" else version(name))
    monkeypatch.setattr(sys, "argv", ["gql-releases", "schema"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 1
    message = capsys.readouterr().err
    assert message.startswith(f"uvicorn {installed} is installed, but gql-releases ")
    assert message.endswith('needs uvicorn>=0.54.0,<0.55: run `pip install "uvicorn>=0.54.0,<0.55"`.\n')


@pytest.mark.parametrize("installed", ["0.54.0", "0.54.0.post1", "0.54.12"])
def test_version_within_its_bounds_is_accepted(installed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependencies, "requires", lambda package: ["uvicorn[standard]<0.55,>=0.54.0", "uvloop"])
    monkeypatch.setattr(dependencies, "version", lambda name: installed)
    dependencies.check_dependencies()


def test_each_library_with_an_upper_bound_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    checked = set()

    def record_version(name: str) -> str:
        checked.add(name.lower())
        return version(name)

    monkeypatch.setattr(dependencies, "version", record_version)
    dependencies.check_dependencies()
    declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["dependencies"]
    bounded = {re.split(r"[\[<>=]", line)[0].lower() for line in declared if ",<" in line}
    assert checked == bounded
    assert "uvicorn" in bounded
