"""The table is data: here it is held against the models of the services that it speaks of."""

import pytest

from stepstack.integrations.optimized_actions import ACTIONS
from stepstack.integrations.request_forms import REQUEST_FORMS
from stepstack.integrations.service_model import describe
from stepstack.language.resources import IntegrationPattern

CALLED = [action for action in ACTIONS.values() if action.operation]
WITH_JOB = [action for action in CALLED if action.job is not None]


def name(action):
    return f"{action.service.name}:{action.action}"


def shape_at(service, shape, path):
    """The model of what stands at `path` below the shape of that name."""
    for step in path.split("."):
        model = service.model["shapes"][shape]
        shape = model["member"]["shape"] if step.isdigit() else model["members"][step]["shape"]
    return service.model["shapes"][shape]


@pytest.mark.parametrize("action", CALLED, ids=name)
def test_every_operation_is_one_of_the_service(action):
    assert action.operation in describe(action.service.api).model["operations"]


@pytest.mark.parametrize("action", [action for action in CALLED if not action.parameters], ids=name)
def test_required_parameters_are_those_of_the_operation(action):
    shape = describe(action.service.api).operation(action.operation).parameters(is_sdk=False)
    given_by_us = {"ClientRequestToken", "ClientToken", "IdempotencyToken"}
    assert set(action.required) <= set(shape.members)
    assert set(shape.required) - given_by_us <= set(action.required)
    assert set(action.json_parameters) <= set(shape.members)


@pytest.mark.parametrize("action", [action for action in CALLED if action.parameters], ids=name)
def test_parameters_of_their_own_are_turned_into_those_of_the_operation(action, task_call):
    parameters = {parameter: {"ListItem": parameter} for parameter in action.parameters}
    formed = REQUEST_FORMS[action.service.name, action.action](parameters, task_call("x:y"))
    shape = describe(action.service.api).operation(action.operation).parameters(is_sdk=False)
    assert set(shape.required) <= set(formed) <= set(shape.members)


@pytest.mark.parametrize("action", WITH_JOB, ids=name)
def test_jobs_are_described_by_operations_that_take_what_is_given(action):
    service = describe(action.service.api)
    for operation, arguments in ((action.job.describe, action.job.arguments), (action.job.stop, action.job.stop_arguments)):
        if operation:
            shape = service.model["shapes"][service.operation(operation).model["input"]["shape"]]
            assert set(shape.get("required", ())) <= set(arguments) <= set(shape["members"])


@pytest.mark.parametrize("action", WITH_JOB, ids=name)
def test_arguments_come_from_members_that_are_there(action):
    service = describe(action.service.api)
    model = service.operation(action.operation).model
    for source in [*action.job.arguments.values(), *(action.job.stop_arguments or {}).values()]:
        path = source if isinstance(source, str) else source[0]
        if path.startswith("<"):
            assert shape_at(service, model["output"]["shape"], path[1:])["type"] == "string"
        elif path.startswith(">"):
            assert shape_at(service, model["input"]["shape"], path[1:])["type"] == "string"


@pytest.mark.parametrize("action", WITH_JOB, ids=name)
def test_statuses_are_ones_that_the_service_reports(action):
    service = describe(action.service.api)
    output = service.operation(action.job.describe).model["output"]["shape"]
    status = shape_at(service, output, action.job.status)
    assert status["type"] == "string"
    assert not action.job.succeeded & action.job.failed
    if "enum" in status:
        assert action.job.succeeded | action.job.failed <= set(status["enum"])
    if action.job.answer:
        assert shape_at(service, output, action.job.answer)["type"] == "structure"


@pytest.mark.parametrize("action", CALLED, ids=name)
def test_only_actions_with_a_job_can_be_awaited(action):
    awaited = IntegrationPattern.SYNC in action.patterns
    assert awaited == (action.job is not None or action.service.name == "states")
