"""Workflow, hooks, container and service name what exists: targets of make, lock files, settings, commands."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import typer
import yaml

from gql_releases.cli import cli
from gql_releases.settings import Settings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
PYTHONS = list(runpy.run_path(str(ROOT / "requirements" / "lock.py"))["PYTHONS"])
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
FILES = [DEPLOY / name for name in ("Dockerfile", "compose.yaml", "gql-releases.service")]


def test_workflow_has_a_job_for_each_kind_of_test() -> None:
    assert set(WORKFLOW["jobs"]) == {"check", "unit", "sqlite", "postgres", "e2e", "dependencies"}
    for job in ("unit", "sqlite", "postgres"):
        assert WORKFLOW["jobs"][job]["strategy"]["matrix"]["python"] == PYTHONS
    versions = {entry["versions"] for entry in WORKFLOW["jobs"]["dependencies"]["strategy"]["matrix"]["include"]}
    assert versions == {"lowest", "newest"}


def test_workflow_and_hooks_call_targets_of_make() -> None:
    lines = [step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step]
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repository["repo"] for repository in hooks] == ["local"], "hooks download nothing"
    lines += [hook["entry"] for repository in hooks for hook in repository["hooks"]]
    assert len(lines) >= 8
    for line in lines:
        make, target, *_ = line.split()
        assert make == "make"
        assert target in TARGETS, line


def test_container_is_built_from_a_lock_file_and_serves_without_root() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    images = set(re.findall(r"^FROM python:(\d\.\d+)-", text, re.MULTILINE))
    assert len(images) == 1
    assert f"--require-hashes --requirement requirements/{images.pop()}.txt" in text
    assert text.index("\nUSER 10001") < text.index("\nENTRYPOINT")
    assert "/healthz" in text
    assert "\nEXPOSE 8000" in text
    assert set(re.findall(r"^COPY (?!--from)(\S+)", text, re.MULTILINE)) == {"requirements/", "."}
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    sources = [line[1:] for line in ignored if line.startswith("!")]
    assert [source for source in sources if not list(ROOT.glob(source))] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_settings_in_deployment_files_exist(file: Path) -> None:
    names = set(re.findall(r"GQL_RELEASES_([A-Z_]+)", file.read_text()))
    assert names
    assert {name.lower() for name in names} <= set(Settings.model_fields)


def test_commands_in_deployment_files_exist() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    lines = [services[name]["command"] for name in ("migrate", "server")]
    unit = re.search(r"^ExecStart=\S+/gql-releases (.*)$", (DEPLOY / "gql-releases.service").read_text(), re.MULTILINE)
    assert unit
    group: Any = typer.main.get_command(cli)
    for name, *options in [*lines, shlex.split(unit[1])]:
        command = group.get_command(click.Context(group), name)
        parameters = {option for parameter in command.params for option in parameter.opts}
        assert {option for option in options if option.startswith("--")} <= parameters
