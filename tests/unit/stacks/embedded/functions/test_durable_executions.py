import asyncio
import contextlib
import itertools
import json
from datetime import timedelta

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.unit.stacks.embedded.functions.durable_function import Failed, durable_handler

from stepstack.assembly import Settings, embedded_stack
from stepstack.clock import Clock, Deadline, Randomness
from stepstack.stacks.embedded.functions.durable_executions import DurableExecutions, DurableStart
from stepstack.stacks.embedded.functions.lambda_code import CallableCode
from stepstack.stacks.embedded.functions.lambda_function import Function, InvokeResult

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}

PATIENCE_SECONDS = 90
"""For what comes soon, on a machine that others keep busy."""

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def stack():
    with embedded_stack(Settings.from_environment({}, scale=0.0)) as running:
        yield running


@pytest.fixture(scope="module")
def client(stack):
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=20)
    made = boto3.client("lambda", endpoint_url=stack.endpoint_url, config=config, **KEYS)
    yield made
    made.close()


@pytest.fixture
def durable(stack, client):
    """Makes a durable function of a body `(replay)`: its name, qualified with $LATEST."""
    service = stack.assembly.services.lambda_service
    arns = []

    def make(body, *, timeout=300, **words):
        config = {"ExecutionTimeout": timeout}
        arn = service.register(f"durable{next(_numbers)}", durable_handler(body, client), durable=config, **words)
        arns.append(arn)
        return f"{arn}:$LATEST"

    yield make
    for arn in arns:
        service.unregister(arn)


def run(client, function, event=None, **more):
    """A synchronous invocation: what it answers, and its execution."""
    answer = client.invoke(FunctionName=function, Payload=json.dumps(event).encode(), **more)
    answer["Payload"] = answer["Payload"].read()
    return answer, client.get_durable_execution(DurableExecutionArn=answer["DurableExecutionArn"])


def start(client, function, event=None, **more):
    """An asynchronous invocation: the ARN of its execution."""
    answer = client.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(event).encode(), **more)
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    return answer["DurableExecutionArn"]


def ended(client, arn):
    deadline = Deadline(PATIENCE_SECONDS)
    while (execution := client.get_durable_execution(DurableExecutionArn=arn))["Status"] == "RUNNING":
        assert not deadline.has_passed()
        deadline.pause(0.01)
    return execution


def history(client, arn, **more):
    return client.get_durable_execution_history(DurableExecutionArn=arn, **more)["Events"]


def only_execution(client, function):
    """The execution of a function, once there is one."""
    deadline = Deadline(PATIENCE_SECONDS)
    while not (found := client.list_durable_executions_by_function(FunctionName=function)["DurableExecutions"]):
        assert not deadline.has_passed()
        deadline.pause(0.01)
    return found[0]["DurableExecutionArn"]


def opened_callback(client, arn):
    deadline = Deadline(PATIENCE_SECONDS)
    while not (found := [event for event in history(client, arn) if event["EventType"] == "CallbackStarted"]):
        assert not deadline.has_passed()
        deadline.pause(0.01)
    return found[-1]["CallbackStartedDetails"]["CallbackId"]


def require(client, operation, *members):
    """Skips the test where the installed botocore does not know the operation, or these members of its request or answer."""
    model = client.meta.service_model
    if operation not in model.operation_names:
        pytest.skip(f"this botocore has no {operation}")
    shapes = model.operation_model(operation).input_shape, model.operation_model(operation).output_shape
    missing = [member for member in members if not any(member in shape.members for shape in shapes)]
    if missing:
        pytest.skip(f"this botocore's {operation} has no {missing[0]}")


def refused(operation, **parameters):
    with pytest.raises(ClientError) as refusal:
        operation(**parameters)
    return refusal.value.response["Error"]


def test_a_wait_is_skipped_and_what_was_done_before_is_not_done_again(client, durable):
    require(client, "GetDurableExecution", "DurableConfig")
    done = []

    def body(replay):
        first = replay.step("first", lambda: done.append("first") or replay.input["n"])
        replay.wait("an hour", 240)
        return replay.step("second", lambda: done.append("second") or first + 1)

    answer, execution = run(client, durable(body), {"n": 1})

    assert json.loads(answer["Payload"]) == 2
    assert (answer["StatusCode"], answer["ExecutedVersion"], answer.get("FunctionError")) == (200, "$LATEST", None)
    assert done == ["first", "second"]
    assert (execution["Status"], execution["Result"], execution["InputPayload"]) == ("SUCCEEDED", "2", '{"n": 1}')
    assert execution["EndTimestamp"] - execution["StartTimestamp"] >= timedelta(seconds=240)
    assert execution["DurableConfig"] == {"ExecutionTimeout": 300, "RetentionPeriodInDays": 14}
    assert execution["FunctionArn"].endswith(":$LATEST")


def test_the_history_tells_it_all(client, durable):
    def body(replay):
        replay.step("pay", lambda: "paid")
        replay.wait("rest", 10)
        return "done"

    answer, _ = run(client, durable(body), "order")
    events = history(client, answer["DurableExecutionArn"])

    assert [event["EventType"] for event in events] == [
        "ExecutionStarted",
        "StepStarted",
        "StepSucceeded",
        "WaitStarted",
        "InvocationCompleted",
        "WaitSucceeded",
        "InvocationCompleted",
        "ExecutionSucceeded",
    ]
    assert [event["EventId"] for event in events] == list(range(1, 9))
    assert events[0]["ExecutionStartedDetails"] == {"Input": {"Payload": '"order"'}, "ExecutionTimeout": 300}
    assert events[2]["StepSucceededDetails"] == {"Result": {"Payload": '"paid"'}, "RetryDetails": {"CurrentAttempt": 1}}
    wait = events[3]["WaitStartedDetails"]
    assert wait["ScheduledEndTimestamp"] - events[3]["EventTimestamp"] == timedelta(seconds=wait["Duration"]) == timedelta(seconds=10)
    assert events[5]["WaitSucceededDetails"] == {"Duration": 10}
    assert events[5]["EventTimestamp"] >= wait["ScheduledEndTimestamp"]
    assert events[7]["ExecutionSucceededDetails"] == {"Result": {"Payload": '"done"'}}


def test_the_history_comes_in_pages_backwards_and_without_data(client, durable):
    require(client, "GetDurableExecution", "IncludeExecutionData", "ExecutionDataIncluded")
    answer, _ = run(client, durable(lambda replay: replay.step("pay", lambda: "paid")))
    arn = answer["DurableExecutionArn"]
    everything = history(client, arn)

    pages = client.get_paginator("get_durable_execution_history").paginate(DurableExecutionArn=arn, PaginationConfig={"PageSize": 2})
    assert [event for page in pages for event in page["Events"]] == everything
    assert history(client, arn, ReverseOrder=True) == everything[::-1]
    assert history(client, arn, IncludeExecutionData=False)[2]["StepSucceededDetails"]["Result"] == {}
    execution = client.get_durable_execution(DurableExecutionArn=arn, IncludeExecutionData=False)
    assert {"InputPayload", "Result"}.isdisjoint(execution)
    assert execution["ExecutionDataIncluded"] is False


def test_a_step_that_fails_is_tried_again_after_its_delay(client, durable):
    attempts = []

    def work():
        attempts.append(1)
        if len(attempts) < 3:
            raise Failed("not yet")
        return len(attempts)

    answer, execution = run(client, durable(lambda replay: replay.step("work", work, retry_seconds=60)))

    assert execution["Result"] == "3"
    assert execution["EndTimestamp"] - execution["StartTimestamp"] >= timedelta(seconds=120)
    failures = [
        event["StepFailedDetails"] for event in history(client, answer["DurableExecutionArn"]) if event["EventType"] == "StepFailed"
    ]
    assert [failure["RetryDetails"] for failure in failures] == [
        {"CurrentAttempt": 1, "NextAttemptDelaySeconds": 60},
        {"CurrentAttempt": 2, "NextAttemptDelaySeconds": 60},
    ]


def test_a_failure_is_the_executions_and_the_answer_of_invoke(client, durable):
    def body(replay):
        raise Failed("no stock")

    answer, execution = run(client, durable(body))

    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"]) == {"errorMessage": "no stock", "errorType": "Failed"}
    assert execution["Status"] == "FAILED"
    assert execution["Error"] == {"ErrorMessage": "no stock", "ErrorType": "Failed"}
    failed = history(client, answer["DurableExecutionArn"])[-1]
    assert failed["ExecutionFailedDetails"] == {"Error": {"Payload": {"ErrorMessage": "no stock", "ErrorType": "Failed"}}}


@pytest.mark.parametrize(("failing", "status"), [(4, "SUCCEEDED"), (5, "FAILED")])
def test_an_invocation_that_raises_is_repeated_four_times(client, durable, failing, status):
    invocations = []

    def body(_replay):
        invocations.append(1)
        if len(invocations) <= failing:
            raise RuntimeError("lost")
        return "done"

    answer, execution = run(client, durable(body))

    assert (execution["Status"], len(invocations)) == (status, 5)
    ends = [event for event in history(client, answer["DurableExecutionArn"]) if event["EventType"] == "InvocationCompleted"]
    assert ends[0]["InvocationCompletedDetails"]["Error"]["Payload"]["ErrorType"] == "RuntimeError"
    if status == "FAILED":
        assert execution["Error"]["ErrorMessage"] == "lost"


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ({"Status": "PENDING"}, "Cannot return PENDING status with no pending operations."),
        ({"Status": "RETRY"}, "Unexpected invocation status: RETRY"),
        ({"Status": "FAILED", "Result": "1"}, "Cannot provide a Result for FAILED status."),
        ({"Status": "SUCCEEDED", "Error": {}}, "Cannot provide an Error for SUCCEEDED status."),
        ("hello", "Response status is required"),
    ],
    ids=["pending for nothing", "no such status", "failure with a result", "success with an error", "not the SDK's answer"],
)
def test_what_no_sdk_answers_fails_the_execution(stack, client, output, message):
    service = stack.assembly.services.lambda_service
    arn = service.register("odd", lambda _event, _context: output, durable={"ExecutionTimeout": 60})

    _, execution = run(client, f"{arn}:$LATEST")

    assert execution["Status"] == "FAILED"
    assert execution["Error"] == {"ErrorMessage": message, "ErrorType": "InvalidParameterValueException"}


def test_an_execution_that_takes_longer_than_its_timeout_is_timed_out(client, durable):
    answer, execution = run(client, durable(lambda replay: replay.wait("long", 100), timeout=60))

    assert answer["FunctionError"] == "Unhandled"
    assert execution["Status"] == "TIMED_OUT"
    assert execution["Error"] == {"ErrorMessage": "Execution timed out after 60 seconds."}
    assert execution["EndTimestamp"] - execution["StartTimestamp"] >= timedelta(seconds=60)
    assert history(client, answer["DurableExecutionArn"])[-1]["EventType"] == "ExecutionTimedOut"


def test_a_callback_is_waited_for_while_others_waits_are_skipped(client, durable):
    arn = start(client, durable(lambda replay: replay.callback("approval", TimeoutSeconds=3600), timeout=7200))
    callback = opened_callback(client, arn)
    run(client, durable(lambda replay: replay.wait("long", 800), timeout=900))
    assert client.get_durable_execution(DurableExecutionArn=arn)["Status"] == "RUNNING"

    client.send_durable_execution_callback_heartbeat(CallbackId=callback)
    client.send_durable_execution_callback_success(CallbackId=callback, Result=b'"granted"')

    assert ended(client, arn)["Result"] == '"granted"'
    assert refused(client.send_durable_execution_callback_success, CallbackId=callback)["Code"] == "CallbackTimeoutException"


def test_a_callback_may_fail(client, durable):
    arn = start(client, durable(lambda replay: replay.callback("approval")))
    error = {"ErrorType": "Denied", "ErrorMessage": "no", "ErrorData": "5"}

    client.send_durable_execution_callback_failure(CallbackId=opened_callback(client, arn), Error=error)

    assert ended(client, arn)["Error"]["ErrorMessage"] == "FAILED Denied: no"
    [failed] = [event for event in history(client, arn) if event["EventType"] == "CallbackFailed"]
    assert failed["CallbackFailedDetails"] == {"Error": {"Payload": error}}


@pytest.fixture
def frozen(stack):
    async def freeze():
        stack.clock.freeze()

    async def unfreeze():
        stack.clock.unfreeze()

    stack.run(freeze())
    yield lambda seconds: stack.run(stack.clock.advance(seconds))
    stack.run(unfreeze())


def test_a_callback_has_its_timeout(client, durable, frozen):
    arn = start(client, durable(lambda replay: replay.callback("approval", TimeoutSeconds=100)))
    opened_callback(client, arn)

    frozen(99)
    assert client.get_durable_execution(DurableExecutionArn=arn)["Status"] == "RUNNING"
    frozen(2)
    assert ended(client, arn)["Error"]["ErrorMessage"] == "TIMED_OUT Callback.Timeout: Callback timed out"


def test_a_callback_wants_its_heartbeats(client, durable, frozen):
    arn = start(client, durable(lambda replay: replay.callback("approval", HeartbeatTimeoutSeconds=10)))
    callback = opened_callback(client, arn)

    frozen(9)
    client.send_durable_execution_callback_heartbeat(CallbackId=callback)
    frozen(9)
    assert client.get_durable_execution(DurableExecutionArn=arn)["Status"] == "RUNNING"
    frozen(2)
    assert ended(client, arn)["Error"]["ErrorMessage"] == "TIMED_OUT Callback.Heartbeat: Callback timed out on heartbeat"


def test_a_durable_function_is_invoked_by_another(client, durable):
    child = durable(lambda replay: replay.wait("short", 100) or replay.input["n"] * 2)
    answer, execution = run(client, durable(lambda replay: replay.invoke("double", child, {"n": 21})))

    assert execution["Result"] == "42"
    [started] = [event for event in history(client, answer["DurableExecutionArn"]) if event["EventType"] == "ChainedInvokeStarted"]
    details = started["ChainedInvokeStartedDetails"]
    assert (details["FunctionName"], details["Input"]["Payload"]) == (child, '{"n": 21}')
    assert client.get_durable_execution(DurableExecutionArn=details["DurableExecutionArn"])["Status"] == "SUCCEEDED"


def test_a_function_that_is_not_durable_is_invoked_by_one_that_is(stack, client, durable):
    arn = stack.assembly.services.lambda_service.register("plain", lambda event, _context: event["n"] + 1)
    _, execution = run(client, durable(lambda replay: replay.invoke("more", arn, {"n": 1})))
    assert execution["Result"] == "2"


def test_the_time_that_a_parent_has_flows_with_its_child(client, durable):
    child = durable(lambda replay: replay.callback("approval"), timeout=600)
    parent = start(client, durable(lambda replay: replay.invoke("ask", child, None), timeout=600))
    callback = opened_callback(client, only_execution(client, child))
    run(client, durable(lambda replay: replay.wait("long", 800), timeout=900))

    assert client.get_durable_execution(DurableExecutionArn=parent)["Status"] == "RUNNING"
    client.send_durable_execution_callback_success(CallbackId=callback, Result=b'"yes"')
    assert ended(client, parent)["Result"] == '"yes"'


def _raises(_event, _context):
    raise KeyError("price")


def _hangs(replay):
    replay.wait("long", 1000)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param("nobody:1", "FAILED ResourceNotFoundException: Function not found: ", id="not there"),
        pytest.param("raises", "FAILED KeyError: 'price'", id="raises"),
        pytest.param(
            "unqualified",
            "FAILED InvalidParameterValueException: You cannot invoke a durable function using an unqualified ARN.",
            id="durable, and not qualified",
        ),
        pytest.param(
            "times out", "TIMED_OUT ChainedInvoke.Timeout: CHAINED_INVOKE timed out after 60 seconds.", id="durable, and times out"
        ),
    ],
)
def test_an_invoked_function_that_fails_is_told_to_its_caller(stack, client, durable, target, message):
    stack.assembly.services.lambda_service.register("raises", _raises)
    slow = durable(_hangs, timeout=60)
    named = {"unqualified": slow.rpartition(":")[0], "times out": slow}

    _, execution = run(client, durable(lambda replay: replay.invoke("other", named.get(target, target), None)))

    assert execution["Status"] == "FAILED"
    assert execution["Error"]["ErrorMessage"].startswith(message)


def test_an_invoke_that_a_fault_keeps_from_being_made_fails_and_is_logged(stack, client, durable, caplog):
    service = stack.assembly.services.lambda_service
    arn = service.register("unfit", lambda _event, _context: 1)
    del service.function(arn).configuration["MemorySize"]

    _, execution = run(client, durable(lambda replay: replay.invoke("other", arn, None)))

    assert execution["Error"]["ErrorMessage"].startswith("FAILED KeyError: 'MemorySize'")
    assert "KeyError" in [record.exc_info[0].__name__ for record in caplog.records if record.exc_info]


def test_an_execution_is_stopped(client, durable):
    arn = start(client, durable(lambda replay: replay.callback("never")))
    callback = opened_callback(client, arn)

    stopped = client.stop_durable_execution(DurableExecutionArn=arn, Error={"ErrorType": "Stopped", "ErrorMessage": "enough"})

    execution = ended(client, arn)
    assert (execution["Status"], execution["Error"]["ErrorMessage"]) == ("STOPPED", "enough")
    assert stopped["StopTimestamp"] == execution["EndTimestamp"]
    assert client.stop_durable_execution(DurableExecutionArn=arn)["StopTimestamp"] == stopped["StopTimestamp"]
    assert refused(client.send_durable_execution_callback_success, CallbackId=callback)["Code"] == "CallbackTimeoutException"


def test_a_name_starts_one_execution(client, durable):
    runs = []
    function = durable(lambda replay: runs.append(1) or len(runs))
    first, _ = run(client, function, {"n": 1}, DurableExecutionName="order-1")
    again, execution = run(client, function, {"n": 1}, DurableExecutionName="order-1")

    assert again["DurableExecutionArn"] == first["DurableExecutionArn"]
    assert again["Payload"] == b"1"
    assert execution["DurableExecutionName"] == "order-1"
    assert len(runs) == 1
    other = refused(client.invoke, FunctionName=function, Payload=b'{"n": 2}', DurableExecutionName="order-1")
    assert other["Code"] == "DurableExecutionAlreadyStartedException"


def test_a_function_that_is_made_again_has_executions_of_its_own(stack, client):
    service = stack.assembly.services.lambda_service
    results = []
    for answer in ("first", "second"):
        arn = service.register("again", durable_handler(lambda _replay, answer=answer: answer, client), durable={"ExecutionTimeout": 60})
        results.append(run(client, f"{arn}:$LATEST", DurableExecutionName="order-1")[0]["Payload"])
        service.unregister(arn)

    assert results == [b'"first"', b'"second"']


def test_executions_are_listed_and_deleted(client, durable):
    require(client, "DeleteDurableExecution")

    def body(replay):
        if replay.input == "bad":
            raise Failed("bad")

    function = durable(body)
    arns = [run(client, function, event)[0]["DurableExecutionArn"] for event in ("good", "bad")]
    named = run(client, function, "good", DurableExecutionName="named")[0]["DurableExecutionArn"]

    def listed(**filters):
        found = client.list_durable_executions_by_function(FunctionName=function, **filters)["DurableExecutions"]
        return [execution["DurableExecutionArn"] for execution in found]

    assert listed() == [named, *reversed(arns)]
    assert listed(ReverseOrder=True) == [*arns, named]
    assert listed(Statuses=["FAILED", "TIMED_OUT"]) == [arns[1]]
    assert listed(DurableExecutionName="named") == [named]
    began = client.get_durable_execution(DurableExecutionArn=named)["StartTimestamp"]
    assert listed(StartedAfter=began + timedelta(hours=1)) == []
    assert listed(StartedBefore=began + timedelta(hours=1), MaxItems=1) == [named]
    client.delete_durable_execution(DurableExecutionArn=named)
    assert refused(client.get_durable_execution, DurableExecutionArn=named)["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("qualifier", "timeout", "message"),
    [
        ("", 60, "You cannot invoke a durable function using an unqualified ARN."),
        (":$LATEST", 901, "You cannot synchronously invoke a durable function with an executionTimeout greater than 15 minutes."),
    ],
    ids=["unqualified", "longer than an invocation"],
)
def test_an_invocation_that_aws_refuses_is_refused(client, durable, qualifier, timeout, message):
    function = durable(lambda _replay: None, timeout=timeout).removesuffix(":$LATEST") + qualifier
    assert refused(client.invoke, FunctionName=function) == {"Code": "InvalidParameterValueException", "Message": message}


def test_only_the_current_token_counts_and_a_repeated_checkpoint_is_answered_alike(client, durable):
    seen = {}

    def body(replay):
        first = replay.token
        update = {"Id": "a", "Type": "STEP", "Action": "START"}
        replay.update(update, ClientToken="once")
        second = replay.token
        replay.token = first
        replay.update(update, ClientToken="once")
        assert replay.token == second
        replay.token = first
        seen["stale"] = refused(replay.update, ClientToken="other")["Message"]
        replay.token = second
        replay.update({"Id": "end", "Type": "EXECUTION", "Action": "SUCCEED", "Payload": '"large"'})
        seen["token"] = replay.token

    _, execution = run(client, durable(body))

    deadline = Deadline(PATIENCE_SECONDS)
    while "token" not in seen:
        # The execution may be seen to have ended before its function has the answer.
        assert not deadline.has_passed()
        deadline.pause(0.01)
    assert seen == {"stale": "Invalid checkpoint token", "token": None}
    assert execution["Result"] == '"large"'


def test_a_checkpoint_of_another_shape_is_refused(client, durable):
    arn = start(client, durable(lambda replay: replay.callback("never")))
    opened_callback(client, arn)
    config = Config(parameter_validation=False)
    lenient = boto3.client("lambda", endpoint_url=client.meta.endpoint_url, config=config, **KEYS)
    error = refused(
        lenient.checkpoint_durable_execution, DurableExecutionArn=arn, CheckpointToken="a", Updates=[{"Id": "a", "Type": "STEP"}]
    )
    lenient.close()
    assert error["Code"] == "InvalidParameterValueException"
    assert "Action" in error["Message"]


def test_a_large_state_comes_in_pages(client, durable):
    large = "x" * 1_000_000
    seen = []

    def body(replay):
        seen.append(len(replay.event["InitialExecutionState"]["Operations"]))
        results = [replay.step(f"step{number}", lambda: large) for number in range(7)]
        replay.wait("rest", 10)
        return [len(result) for result in results]

    _, execution = run(client, durable(body))

    assert json.loads(execution["Result"]) == [1_000_000] * 7
    assert seen == [1, 6]


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("arn:aws:lambda:us-east-1:123456789012:function:f:1/durable-execution/a/b", "ResourceNotFoundException"),
        ("nothing", "InvalidParameterValueException"),
    ],
)
def test_an_execution_that_is_not_there_is_told_so(client, arn, code):
    assert refused(client.get_durable_execution, DurableExecutionArn=arn)["Code"] == code


def test_pausing_is_refused_by_name(client, durable):
    require(client, "PauseDurableExecution")
    arn = start(client, durable(lambda replay: replay.callback("never")))
    assert refused(client.pause_durable_execution, DurableExecutionArn=arn)["Code"] == "UnsupportedOperation"


def test_an_execution_of_a_function_that_is_deleted_ends(stack, client, durable):
    function = durable(lambda replay: replay.callback("never"))
    arn = start(client, function)
    opened_callback(client, arn)
    stack.assembly.services.lambda_service.unregister(function.removesuffix(":$LATEST"))
    assert ended(client, arn)["Status"] == "STOPPED"


def test_an_execution_is_stopped_though_its_invocation_ends_just_when_it_is_cancelled():
    function = Function(
        name="f",
        region="us-east-1",
        arn="arn:aws:lambda:us-east-1:123456789012:function:f",
        code=CallableCode(lambda _event, _context: None),
        configuration={"Version": "$LATEST", "DurableConfig": {"ExecutionTimeout": 60}},
    )

    async def scenario():
        invoked = asyncio.Event()

        async def ends_when_cancelled(_function, _payload):
            invoked.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            return InvokeResult(200, b'{"Status": "PENDING"}')

        clock = Clock(asyncio.get_running_loop(), 0.0)
        executions = DurableExecutions(ends_when_cancelled, lambda *_: None, timeline=clock.timeline, randomness=Randomness(1))
        execution = await executions.invoke(DurableStart(function, b"", is_qualified=True, invocation_type="Event"))
        await invoked.wait()
        executions.abandon(function)
        await asyncio.wait_for(execution.wait(), 20)
        return execution.status

    assert asyncio.run(scenario()) == "STOPPED"


def machine(stack, function, **state):
    """The ARN of a state machine that invokes a function."""
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": function}, "End": True, **state}
    definition = json.dumps({"StartAt": "Call", "States": {"Call": task}})
    made = {"name": f"machine{next(_numbers)}", "definition": definition, "roleArn": "arn:aws:iam::123456789012:role/any"}
    return stack.run(stack.service.call("CreateStateMachine", made))["stateMachineArn"]


def started(stack, machine_arn):
    return {"executionArn": stack.run(stack.service.call("StartExecution", {"stateMachineArn": machine_arn}))["executionArn"]}


def finished(stack, described):
    """The execution of a state machine, once it has ended."""
    deadline = Deadline(PATIENCE_SECONDS)
    while (execution := stack.run(stack.service.call("DescribeExecution", described)))["status"] == "RUNNING":
        assert not deadline.has_passed()
        deadline.pause(0.01)
    return execution


def test_a_task_waits_for_a_durable_function_whose_waits_are_skipped(stack, durable):
    function = durable(lambda replay: replay.wait("long", 600) or "done", timeout=900)
    execution = finished(stack, started(stack, machine(stack, function)))

    assert execution["status"] == "SUCCEEDED"
    answer = json.loads(execution["output"])
    assert (answer["Payload"], answer["StatusCode"], answer["ExecutedVersion"]) == ("done", 200, "$LATEST")
    assert execution["stopDate"] - execution["startDate"] >= 600


def test_a_task_has_its_own_timeout_on_the_same_time(stack, durable):
    function = durable(lambda replay: replay.wait("long", 600), timeout=900)
    execution = finished(stack, started(stack, machine(stack, function, TimeoutSeconds=60)))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Timeout")
    assert execution["stopDate"] - execution["startDate"] < 600


def test_a_tasks_timeout_is_not_skipped_while_the_function_awaits_a_callback(stack, client, durable):
    function = durable(lambda replay: replay.callback("approval"), timeout=900)
    described = started(stack, machine(stack, function, TimeoutSeconds=600))
    callback = opened_callback(client, only_execution(client, function))
    run(client, durable(lambda replay: replay.wait("long", 800), timeout=900))

    assert stack.run(stack.service.call("DescribeExecution", described))["status"] == "RUNNING"
    client.send_durable_execution_callback_success(CallbackId=callback, Result=b'"yes"')
    assert json.loads(finished(stack, described)["output"])["Payload"] == "yes"


@pytest.mark.parametrize(
    ("qualifier", "error", "cause"),
    [
        ("", "Lambda.InvalidParameterValueException", "unqualified ARN"),
        (":$LATEST", "Failed", "no stock"),
    ],
    ids=["unqualified", "a failure"],
)
def test_a_task_fails_as_the_durable_function_does(stack, durable, qualifier, error, cause):
    def body(_replay):
        raise Failed("no stock")

    function = durable(body).removesuffix(":$LATEST") + qualifier
    execution = finished(stack, started(stack, machine(stack, function)))

    assert (execution["status"], execution["error"]) == ("FAILED", error)
    assert cause in execution["cause"]


def test_the_waits_of_a_function_that_a_queue_feeds_are_skipped(stack, client, durable):
    seen = []

    def body(replay):
        replay.wait("long", 800)
        seen.extend(record["body"] for record in replay.input["Records"])

    function = durable(body, timeout=900)
    queues = boto3.client("sqs", endpoint_url=stack.endpoint_url, **KEYS)
    url = queues.create_queue(QueueName=f"orders{next(_numbers)}")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    service = stack.assembly.services.lambda_service
    version = service.publish(service.function(function), "")["FunctionArn"]
    mapping = client.create_event_source_mapping(FunctionName=version, EventSourceArn=arn)
    queues.send_message(QueueUrl=url, MessageBody="order-1")

    assert ended(client, only_execution(client, function.removesuffix(":$LATEST")))["Status"] == "SUCCEEDED"
    assert seen == ["order-1"]
    client.delete_event_source_mapping(UUID=mapping["UUID"])
    queues.close()
