"""The pytest plugin `stepstack` (entry point `pytest11`): options, fixtures, and failures that explain themselves.

    def test_read(state_machine, dynamodb_table):
        table = dynamodb_table(items=[{"Id": "1"}])
        execution = state_machine("state-machine.json").run({"Operation": "Read", "TableName": table.name, "ItemId": "1"})
        assert execution.output["Item"] == {"Id": {"S": "1"}}

Every pytest run of an environment loads this module: it imports pytest and the standard library alone. What else there is loads in
fixtures. `settings.py` has the options, `fixtures.py` the fixtures, `run.py` what one process of a test run keeps, `shared_services.py`
the containers that its workers share.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from stepstack.pytest_plugin import hooks
from stepstack.pytest_plugin.application import application
from stepstack.pytest_plugin.failures import explain_failure
from stepstack.pytest_plugin.fixtures import (
    dynamodb,
    dynamodb_resource,
    dynamodb_table,
    state_machine,
    stepfunctions,
    stepstack,
    stepstack_environment,
    stepstack_settings,
    unique_name,
)
from stepstack.pytest_plugin.run import RUN, WORKER_INPUT, StepstackRun
from stepstack.pytest_plugin.scoped_fixtures import (
    module_dynamodb_table,
    module_state_machine,
    session_dynamodb_table,
    session_state_machine,
)
from stepstack.pytest_plugin.settings import Compositions, add_options, marker_settings, wants_coverage
from stepstack.pytest_plugin.task_fixtures import clock, lambda_functions, misfit_mocks, mock_task

__all__ = [
    "application",
    "clock",
    "dynamodb",
    "dynamodb_resource",
    "dynamodb_table",
    "lambda_functions",
    "mock_task",
    "module_dynamodb_table",
    "module_state_machine",
    "session_dynamodb_table",
    "session_state_machine",
    "state_machine",
    "stepfunctions",
    "stepstack",
    "stepstack_environment",
    "stepstack_settings",
    "unique_name",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hooks)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "stepstack(backend, time, timeout, endpoints, mocks, unmocked, mock_file, compose_file, skip_unavailable): "
        "settings of stepstack for one test, class or module",
    )
    config.stash[RUN] = StepstackRun(config)
    if wants_coverage(config):
        from stepstack.pytest_plugin.coverage import configure_coverage

        configure_coverage(config)
    if config.getoption("stepstack_write_mocks") is not None:
        from stepstack.pytest_plugin.mock_file import configure_mock_file

        configure_mock_file(config, config.stash[RUN].settings.backend)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """For the controller of pytest-xdist: tells a worker which run it belongs to."""
    node.workerinput[WORKER_INPUT] = node.config.stash[RUN].worker_input()


def pytest_unconfigure(config: pytest.Config) -> None:
    run = config.stash.get(RUN, None)
    if run is not None:
        run.close()


def pytest_report_header(config: pytest.Config) -> str:
    settings = config.stash[RUN].settings
    endpoints = f" ({', '.join(settings.endpoints)})" if settings.endpoints else ""
    return f"stepstack: backend {settings.backend}{endpoints}, time {settings.effective_time}"


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    run = session.config.stash[RUN]
    if run.is_controller and not session.config.getoption("collectonly"):
        run.start_shared_services()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Wrong markers are usage errors, before the first test runs; in a worker, which could not say so, the fixture says it.

    Last, so that `-k` keeps apart what cannot run together.
    """
    run = config.stash[RUN]
    if run.is_controller:
        compositions = Compositions(run.settings)
        for item in items:
            compositions.require(marker_settings(item, run.settings), f"@pytest.mark.stepstack on {item.nodeid}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    run = item.config.stash[RUN]
    run.item = item
    try:
        return (yield)
    finally:
        run.item = None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A test that passed although one of its mocks can answer nothing has not tested what it says."""
    result = yield
    misfits = misfit_mocks(item)
    if misfits:
        pytest.fail("\n".join(f"stepstack: {words}" for words in misfits), pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call" and report.failed:
        explain_failure(item, report, misfit_mocks(item))
    return report
