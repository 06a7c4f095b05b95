"""The fixtures: a stack, its clients, and what tests make on it.

Everything made is deleted when its test ends. Registered by the plugin; imports only pytest and the standard library, because every
pytest run loads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stepstack.pytest_plugin.run import RUN, StepstackRun
from stepstack.pytest_plugin.settings import PluginSettings, marker_settings
from stepstack.pytest_plugin.task_fixtures import SETTINGS, end_mocks, made_or_failed, mocks_of

if TYPE_CHECKING:
    from stepstack.pytest_plugin.machines import StateMachineFactory
    from stepstack.pytest_plugin.tables import TableFactory
    from stepstack.stacks.names import UniqueNames
    from stepstack.testing.stack import Stack

__all__ = [
    "dynamodb",
    "dynamodb_resource",
    "dynamodb_table",
    "names_of",
    "stack_of",
    "state_machine",
    "stepfunctions",
    "stepstack",
    "stepstack_environment",
    "stepstack_settings",
    "unique_name",
]


@pytest.fixture
def stepstack_settings() -> Mapping[str, Any]:
    """Override it, in a module or a conftest.py, to change settings for its tests: `{"backend": "embedded", "time": "real"}`."""
    return {}


@pytest.fixture
def stepstack(request: pytest.FixtureRequest, stepstack_settings: Mapping[str, Any]) -> Iterator[Stack]:
    """The stack that this test runs on (`stepstack.testing.Stack`)."""
    settings, stack = stack_of(request, stepstack_settings)
    request.node.stash[SETTINGS] = settings
    try:
        if settings.mocks or settings.unmocked == "refuse":
            _declare_mocks(request.node, stack, settings)
        yield stack
    finally:
        end_mocks(request.node)


def _declare_mocks(item: pytest.Item, stack: Stack, settings: PluginSettings) -> None:
    mocks = mocks_of(item, stack)
    # A marker of a class or a module is for several tests, each of which may have other states.
    own = [marker.kwargs.get("mocks", {}) for marker in item.own_markers if marker.name == "stepstack"]
    mocks.declare(settings.mocks, required={state for states in own for state in states}, place=f"@pytest.mark.stepstack on {item.name}")
    if settings.unmocked == "refuse":
        mocks.refuse_others()


def stack_of(request: pytest.FixtureRequest, changes: Mapping[str, Any]) -> tuple[PluginSettings, Stack]:
    """The settings and the stack of a test, or of a module or a session; without a stack, the test fails or is skipped."""
    from stepstack.errors import StepstackError

    run = request.config.stash[RUN]
    settings = run.settings
    try:
        settings = marker_settings(request.node, settings).with_changes(changes, "the fixture stepstack_settings")
        return settings, run.stack(settings)
    except (StepstackError, pytest.UsageError) as error:
        problem = error
    if settings.skip_unavailable and getattr(problem, "code", "") == "stack":
        pytest.skip(f"stepstack: {problem}")
    pytest.fail(f"stepstack: {problem}", pytrace=False)


@pytest.fixture
def stepfunctions(stepstack: Stack) -> Any:
    """The boto3 client of Step Functions."""
    return stepstack.client("stepfunctions")


@pytest.fixture
def dynamodb(stepstack: Stack) -> Any:
    """The boto3 client of DynamoDB."""
    return stepstack.client("dynamodb")


@pytest.fixture
def dynamodb_resource(stepstack: Stack) -> Any:
    """The boto3 resource of DynamoDB."""
    return stepstack.resource("dynamodb")


@pytest.fixture
def stepstack_environment(stepstack: Stack, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Sets AWS_ENDPOINT_URL, credentials and region, so that the code under test reaches the stack by itself; the variables.

    A profile, endpoints and files of an account that the shell names are hidden from it.
    """
    variables = stepstack.environment()
    for name in stepstack.misleading_variables():
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
def unique_name(request: pytest.FixtureRequest, stepstack_settings: Mapping[str, Any]) -> UniqueNames:
    """Makes names that no other test has: `unique_name("orders")`. They say run, worker and test, and fit AWS's rules."""
    run = request.config.stash[RUN]
    backend = stepstack_settings.get("backend") or marker_settings(request.node, run.settings).backend
    return names_of(run, backend, request.node.name)


def names_of(run: StepstackRun, backend: str, test: str) -> UniqueNames:
    """Makes names for `test`, or for whatever is shared; on AWS with the account's prefix, without which the test fails."""
    from stepstack.stacks.names import UniqueNames

    prefix = {}
    if backend == "aws":
        from stepstack.stacks.aws import AwsAccount

        prefix = {"prefix": made_or_failed(AwsAccount.from_environment).prefix}
    return UniqueNames(**prefix, run=run.id, worker=run.worker, test=test)


@pytest.fixture
def dynamodb_table(stepstack: Stack, unique_name: UniqueNames) -> Iterator[TableFactory]:
    """Makes tables and deletes them: `dynamodb_table(partition_key="PK", sort_key="SK")` is a boto3 Table, ready for use."""
    from stepstack.pytest_plugin.tables import TableFactory

    with TableFactory(stepstack, unique_name) as factory:
        yield factory


@pytest.fixture
def state_machine(request: pytest.FixtureRequest, stepstack: Stack, unique_name: UniqueNames) -> Iterator[StateMachineFactory]:
    """Makes state machines and deletes them: `state_machine("state-machine.json").run({"Operation": "Read"})`.

    The definition is a file's path (relative to the test's folder, then to pytest's root), a dict or text, JSON or YAML; or a SAM,
    CloudFormation or CDK template's path, with `resource`, `parameters` and `resources` as `read_definition` takes them.
    """
    from stepstack.pytest_plugin.machines import StateMachineFactory

    run, item = request.config.stash[RUN], request.node
    with StateMachineFactory(run, stepstack, unique_name, item.stash[SETTINGS], (Path(item.path).parent, run.root), item=item) as factory:
        yield factory
