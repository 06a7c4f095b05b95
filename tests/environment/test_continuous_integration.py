"""The CI workflow and the settings of tox: they say the same, and the workflow takes no more rights than it needs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW_TEXT = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
WORKFLOW: dict[str, Any] = yaml.safe_load(WORKFLOW_TEXT)
PROJECT_TEXT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
VERSIONS = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PROJECT_TEXT)
EXAMPLES = ["hello-api", "integration-testing", "order-processor"]
ENVIRONMENTS = ["embedded", "local", "dynalite", "stepstack", "aws", "lint", "type", "unit", "lowest", "mutations", *EXAMPLES]


def test_every_action_is_pinned_to_a_commit() -> None:
    actions = re.findall(r"uses: (\S+)(.*)", WORKFLOW_TEXT)
    assert actions
    for action, comment in actions:
        assert re.search(r"@[0-9a-f]{40}$", action)
        assert re.search(r"# v\d+\.\d+\.\d+$", comment), "the commit's version stands beside it"


def test_the_workflow_may_only_read_and_every_job_ends() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert "concurrency" in WORKFLOW
    for job in WORKFLOW["jobs"].values():
        assert job["timeout-minutes"] <= 60
        assert "permissions" not in job


def test_the_workflow_covers_every_python_version_and_every_backend_but_aws() -> None:
    matrix = WORKFLOW["jobs"]["tox"]["strategy"]["matrix"]
    assert matrix["python"] == VERSIONS
    named = {*matrix["environments"], *(name for row in matrix["include"] for name in row["environments"].split(","))}
    assert named == set(ENVIRONMENTS) - {"aws"}


@pytest.fixture(scope="module")
def settings() -> dict[str, dict[str, str]]:
    """What tox makes of its settings, for each environment: a key and its text."""
    names = [*ENVIRONMENTS, *("py" + version.replace(".", "") for version in VERSIONS)]
    keys = ["description", "change_dir", "commands", "deps", "interrupt_timeout", "set_env", "pass_env", "skip_install"]
    command = [sys.executable, "-m", "tox", "config", "-e", ",".join(names), "-k", *keys, "--colored", "no"]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout
    sections = re.split(r"^\[testenv:([\w-]+)\]\n", said, flags=re.MULTILINE)[1:]
    return {
        name: {key: value.strip() for key, value in re.findall(r"^(\w+) =(.*(?:\n .*)*)", text, flags=re.MULTILINE)}
        for name, text in zip(sections[::2], sections[1::2], strict=True)
    }


@pytest.mark.parametrize("backend", ["embedded", "local", "dynalite", "stepstack", "aws"])
def test_a_backend_s_environment_runs_the_suite_in_parallel_on_it(backend: str, settings: dict[str, dict[str, str]]) -> None:
    image = " tests/image" if backend == "stepstack" else ""
    assert settings[backend]["commands"] == f"pytest -n auto --stepstack-backend {backend} tests/crud tests/dynalite{image}"


def test_the_lowest_versions_are_those_that_the_project_allows() -> None:
    """Of what it needs to run and to be tested; SAM's translator and the durable SDK stand in groups."""
    wanted = [*re.findall(r'^    "([\w-]+)(?:\[[\w,]+\])?>=([\d.]+)', PROJECT_TEXT, flags=re.MULTILINE)]
    pinned = re.findall(r"^([\w-]+)==([\d.]+)$", (ROOT / "scripts" / "lowest-versions.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(pinned, key=lambda pin: pin[0].lower()) == pinned
    assert set(pinned) == set(wanted)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_s_environment_runs_in_its_folder_with_its_own_requirements(example: str, settings: dict[str, dict[str, str]]) -> None:
    assert settings[example]["change_dir"] == str(ROOT / "examples" / example)
    assert settings[example]["deps"] == f"-r examples/{example}/tests/requirements.txt"
    assert settings[example]["commands"] == "pytest -n auto"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_environment_named_after_a_python_version_runs_the_embedded_suite(version: str, settings: dict[str, dict[str, str]]) -> None:
    assert settings["py" + version.replace(".", "")]["commands"] == settings["embedded"]["commands"]


@pytest.mark.parametrize("backend", ["local", "dynalite", "stepstack"])
def test_an_interrupted_run_has_the_time_to_take_its_containers_down(backend: str, settings: dict[str, dict[str, str]]) -> None:
    assert float(settings[backend]["interrupt_timeout"]) >= 120


@pytest.mark.parametrize("name", [name for name in ENVIRONMENTS if name != "aws"])
def test_no_environment_but_aws_gets_the_keys_of_an_account(name: str, settings: dict[str, dict[str, str]]) -> None:
    assert "AWS_*" not in settings[name]["pass_env"]


@pytest.mark.parametrize("name", ["embedded", "unit", "lowest", "local", "dynalite", "stepstack", *EXAMPLES])
def test_an_environment_that_runs_tests_hides_the_account_of_its_user(name: str, settings: dict[str, dict[str, str]]) -> None:
    assert "AWS_SHARED_CREDENTIALS_FILE" in settings[name]["set_env"]
