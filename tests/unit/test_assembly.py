"""Settings, from the environment and from the command line; a stack that does not start."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path

import pytest

from stepstack.api.server import listen
from stepstack.assembly import EmbeddedStack, Settings, scale_setting
from stepstack.errors import SettingsError


def test_the_defaults_are_those_of_step_functions_local():
    settings = Settings.from_environment({})
    assert (settings.account_id, settings.region, settings.scale) == ("123456789012", "us-east-1", 1.0)


def test_the_variables_of_step_functions_local_are_read():
    variables = {
        "AWS_ACCOUNT_ID": "000000000001",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "WAIT_TIME_SCALE": "0.5",
        "SFN_MOCK_CONFIG": "mocks.json",
    }
    settings = Settings.from_environment(variables)
    assert (settings.account_id, settings.region, settings.scale) == ("000000000001", "eu-west-1", 0.5)
    assert settings.mock_file == Path("mocks.json")


def test_what_is_given_comes_before_the_variables_and_none_is_not_given():
    settings = Settings.from_environment({"WAIT_TIME_SCALE": "0.5"}, scale=0.0, keep_executions=None)
    assert (settings.scale, settings.keep_executions) == (0.0, 10_000)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"AWS_ACCOUNT_ID": "12"}, "AWS_ACCOUNT_ID is '12': twelve digits are needed"),
        ({"WAIT_TIME_SCALE": "fast"}, "WAIT_TIME_SCALE is 'fast'"),
        ({"WAIT_TIME_SCALE": "-1"}, "WAIT_TIME_SCALE is '-1'"),
        ({"STEPSTACK_KEEP_EXECUTIONS": "many"}, "STEPSTACK_KEEP_EXECUTIONS is 'many'"),
    ],
    ids=["account", "scale", "negative", "count"],
)
def test_a_wrong_variable_is_told_with_its_name_and_value(variables, message):
    with pytest.raises(SettingsError, match=message):
        Settings.from_environment(variables)


def test_a_time_that_means_nothing_is_refused():
    with pytest.raises(SettingsError, match="--time is 'soon': real, skip or a number"):
        scale_setting("soon")


def test_a_stack_that_does_not_start_gives_its_port_back(tmp_path):
    (tmp_path / "file").write_text("no folder")
    bound = listen("127.0.0.1", 0)
    with pytest.raises(SettingsError, match=r"did not start: the data in .* cannot be used"):
        EmbeddedStack(Settings(data_folder=tmp_path / "file" / "data"), bound, with_services=False)
    assert bound.fileno() == -1


def test_work_in_a_stack_that_takes_too_long_is_cancelled_and_told():
    ended = threading.Event()

    async def endless():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with EmbeddedStack(Settings(), listen("127.0.0.1", 0), with_services=False) as stack:
        with pytest.raises(FutureTimeoutError, match=r"endless has not ended in the embedded stack after 0\.05 s"):
            stack.run(endless(), 0.05)
        assert ended.wait(10)


def test_a_timeout_of_the_work_itself_is_passed_on():
    async def work():
        raise asyncio.TimeoutError("of its own")  # up to Python 3.10 another class than concurrent.futures

    with (
        EmbeddedStack(Settings(), listen("127.0.0.1", 0), with_services=False) as stack,
        pytest.raises(asyncio.TimeoutError, match=r"^of its own$"),
    ):
        stack.run(work())
