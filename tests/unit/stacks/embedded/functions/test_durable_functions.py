"""Functions written with AWS's durable execution SDK for Python, which needs Python 3.11."""

import itertools
import json
import os
from threading import Event, Thread

import boto3
import pytest
from botocore.config import Config

from stepstack.assembly import Settings, embedded_stack
from stepstack.clock import Deadline

pytest.importorskip("aws_durable_execution_sdk_python")

from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.config import Duration
from aws_durable_execution_sdk_python.lambda_service import LambdaClient
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def stack():
    with embedded_stack(Settings.from_environment({}, scale=0.0)) as running:
        yield running
    cached, LambdaClient._cached_boto_client = LambdaClient._cached_boto_client, None
    cached.close()


@pytest.fixture(scope="module")
def client(stack):
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=20)
    made = boto3.client("lambda", endpoint_url=stack.endpoint_url, config=config, **keys)
    yield made
    made.close()


@pytest.fixture
def durable(stack):
    """Makes a durable function of a body `(event, context)`: its name, qualified with $LATEST."""
    service = stack.assembly.services.lambda_service
    arns = []

    def make(body, **words):
        arn = service.register(f"sdk{next(_numbers)}", durable_execution(body), durable={"ExecutionTimeout": 900}, **words)
        arns.append(arn)
        return f"{arn}:$LATEST"

    yield make
    for arn in arns:
        service.unregister(arn)


def result_of(client, function, event=None):
    answer = client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def test_branches_wait_side_by_side(client, durable):
    def branch(number):
        def run(context):
            context.wait(Duration.from_seconds(100 * (5 - number)))
            return context.step(lambda _: number, name=f"step {number}")

        return run

    function = durable(lambda _event, context: context.parallel([branch(number) for number in range(5)]).get_results())
    assert result_of(client, function) == [0, 1, 2, 3, 4]


def test_a_branch_waits_while_another_works(client, durable):
    has_waited = Event()

    def waiting(context):
        context.wait(Duration.from_seconds(1))
        has_waited.set()

    def working(context):
        return context.step(lambda _: has_waited.wait(25))

    # However far the clock has skipped ahead: the wait is over while the other branch works.
    result_of(client, durable(lambda _event, context: context.wait(Duration.from_minutes(14))))
    function = durable(lambda _event, context: context.parallel([waiting, working]).get_results())
    assert result_of(client, function) == [None, True]


def test_items_are_mapped(client, durable):
    function = durable(
        lambda event, context: context.map(event, lambda inner, item, *_: inner.step(lambda _: item + 1), name="more").get_results()
    )
    assert result_of(client, function, list(range(20))) == list(range(1, 21))


def test_a_condition_is_looked_at_until_it_holds(client, durable):
    def decide(state, _attempt):
        going_on = WaitForConditionDecision.continue_waiting(Duration.from_seconds(60))
        return WaitForConditionDecision.stop_polling() if state == 3 else going_on

    config = WaitForConditionConfig(initial_state=0, wait_strategy=decide)
    assert result_of(client, durable(lambda _event, context: context.wait_for_condition(lambda state, _: state + 1, config))) == 3


def test_a_step_is_tried_again(client, durable):
    attempts = []

    def work(step):
        attempts.append(step.attempt)
        if len(attempts) < 3:
            raise ValueError("not yet")
        return attempts

    assert result_of(client, durable(lambda _event, context: context.step(work))) == [1, 2, 3]


def test_a_callback_comes_from_outside(client, durable):
    identifiers = []
    function = durable(lambda _event, context: context.wait_for_callback(lambda identifier, _: identifiers.append(identifier)))
    started = client.invoke(FunctionName=function, InvocationType="Event")
    started["Payload"].read()
    deadline = Deadline(30)
    while not identifiers:
        assert not deadline.has_passed()
        deadline.pause(0.01)

    client.send_durable_execution_callback_success(CallbackId=identifiers[0], Result=b'"granted"')

    described = {"DurableExecutionArn": started["DurableExecutionArn"]}
    while (execution := client.get_durable_execution(**described))["Status"] == "RUNNING":
        assert not deadline.has_passed()
        deadline.pause(0.01)
    assert "granted" in execution["Result"]


def test_functions_invoke_each_other(client, durable):
    def double(event, context):
        context.wait(Duration.from_minutes(1))
        return 2 * event["n"]

    child = durable(double)
    parent = durable(lambda event, context: context.run_in_child_context(lambda inner: inner.invoke(child, event, name="double")))
    assert result_of(client, parent, {"n": 21}) == 42


def test_a_step_has_the_functions_environment_and_log(stack, client, durable):
    def step(context):
        context.logger.warning("in a step")
        return os.environ["TABLE"]

    assert result_of(client, durable(lambda _event, context: context.step(step), variables={"TABLE": "orders"})) == "orders"
    logged = [message for events in stack.assembly.services.lambda_service.logs._waiting.values() for _, message in events]
    assert any("in a step" in message for message in logged)


def test_more_state_than_an_invocation_takes_is_read_in_pages(client, durable):
    def body(_event, context):
        lengths = [len(context.step(lambda _: "x" * 600_000, name=f"step {number}")) for number in range(10)]
        context.wait(Duration.from_seconds(10))
        return sum(lengths)

    assert result_of(client, durable(body)) == 6_000_000


def test_an_invocation_that_times_out_is_repeated(client, durable):
    invocations = []
    is_repeated = Event()

    def body(_event, context):
        invocations.append(1)
        if len(invocations) > 1:
            is_repeated.set()
        context.step(lambda _: is_repeated.wait(25))
        return len(invocations)

    assert result_of(client, durable(body, timeout_seconds=1)) == 2


def test_executions_run_side_by_side(client, durable):
    def body(event, context):
        context.step(lambda _: event)
        context.wait(Duration.from_minutes(10))
        return context.step(lambda _: event)

    function = durable(body)
    results = {}
    callers = [Thread(target=lambda number=number: results.update({number: result_of(client, function, number)})) for number in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert results == {number: number for number in range(8)}
