import pytest

from stepstack.errors import ServiceError
from stepstack.stacks.embedded.functions.durable_operations import DurableOperations

NOW = 1_000_000


@pytest.fixture
def operations():
    return DurableOperations("execution", '{"n": 1}', NOW)


def update(kind, action, operation_id="a", **members):
    return {"Id": operation_id, "Type": kind, "Action": action, **members}


def report(operations, *updates, now=NOW):
    """Checks the updates and applies them; the operations after that."""
    operations.check(updates, execution_limit=100)
    return [operations.apply(one, now) for one in updates]


def refusal(operations, *updates):
    with pytest.raises(ServiceError) as refused:
        operations.check(updates, execution_limit=100)
    assert refused.value.error_code == "InvalidParameterValueException"
    return refused.value.message


CALL = {"ChainedInvokeOptions": {"FunctionName": "price:1"}}
STEP = update("STEP", "START")
RETRY = update("STEP", "RETRY", StepOptions={"NextAttemptDelaySeconds": 3}, Error={"ErrorType": "Late"})
CONTEXT = update("CONTEXT", "START")
WAIT = update("WAIT", "START", WaitOptions={"WaitSeconds": 10})


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        pytest.param([STEP], [STEP], "Invalid current STEP state to start.", id="a step that runs is started"),
        pytest.param([STEP, RETRY], [STEP], "Invalid current STEP state to start.", id="a step that waits is started"),
        pytest.param([update("STEP", "SUCCEED")], [update("STEP", "FAIL")], "Invalid current STEP state to close.", id="a step ends twice"),
        pytest.param([update("STEP", "FAIL")], [RETRY], "Invalid current STEP state to re-attempt.", id="a step that failed is retried"),
        pytest.param([STEP], [update("STEP", "RETRY")], "Invalid StepOptions for the given action.", id="a retry without a delay"),
        pytest.param(
            [], [{**RETRY, "Payload": "1"}], "Cannot provide both error and payload to RETRY a STEP.", id="a retry with error and payload"
        ),
        pytest.param([CONTEXT], [CONTEXT], "Cannot start a CONTEXT that already exist.", id="a context is started twice"),
        pytest.param(
            [CONTEXT, update("CONTEXT", "SUCCEED")],
            [update("CONTEXT", "FAIL")],
            "Invalid current CONTEXT state to close.",
            id="a context ends twice",
        ),
        pytest.param([WAIT], [WAIT], "Cannot start a WAIT that already exist.", id="a wait is started twice"),
        pytest.param(
            [], [update("WAIT", "CANCEL")], "Cannot cancel a WAIT that does not exist or has already completed.", id="no wait to cancel"
        ),
        pytest.param(
            [update("CALLBACK", "START")],
            [update("CALLBACK", "START")],
            "Cannot start a CALLBACK that already exist.",
            id="a callback is started twice",
        ),
        pytest.param(
            [update("CHAINED_INVOKE", "START", **CALL)],
            [update("CHAINED_INVOKE", "START", **CALL)],
            "Cannot start a CHAINED_INVOKE operation that already exists.",
            id="an invoke is started twice",
        ),
        pytest.param(
            [],
            [update("CHAINED_INVOKE", "START")],
            "Update for CHAINED_INVOKE operation requires ChainedInvokeOptions.",
            id="an invoke of nothing",
        ),
        pytest.param([], [update("WAIT", "SUCCEED")], "Invalid action for the given operation type.", id="a wait ends by itself"),
        pytest.param([], [update("SLEEP", "START")], "Unknown operation type.", id="no such type"),
        pytest.param([STEP], [update("WAIT", "START")], "Inconsistent operation type.", id="another type"),
        pytest.param([{**STEP, "Name": "x"}], [update("STEP", "FAIL", Name="y")], "Inconsistent operation name.", id="another name"),
        pytest.param(
            [{**STEP, "SubType": "Step"}], [update("STEP", "FAIL", SubType="Map")], "Inconsistent operation subtype.", id="another subtype"
        ),
        pytest.param(
            [update("CONTEXT", "START", "p"), STEP],
            [update("STEP", "FAIL", ParentId="p")],
            "Inconsistent parent operation id.",
            id="another parent",
        ),
        pytest.param([], [update("STEP", "START", ParentId="p")], "Invalid parent operation id.", id="a parent that is not there"),
        pytest.param(
            [update("STEP", "START", "p")], [update("STEP", "START", ParentId="p")], "Invalid parent operation id.", id="a step as a parent"
        ),
        pytest.param([], [WAIT, WAIT], "Cannot checkpoint multiple operations with the same ID.", id="the same operation twice"),
        pytest.param([], [STEP, RETRY, STEP], "Cannot checkpoint multiple operations with the same ID.", id="the same step three times"),
        pytest.param(
            [],
            [update("EXECUTION", "SUCCEED", "e"), update("EXECUTION", "FAIL", "f")],
            "Cannot checkpoint multiple EXECUTION updates.",
            id="the execution ends twice",
        ),
        pytest.param(
            [], [update("EXECUTION", "SUCCEED", "e"), STEP], "EXECUTION checkpoint must be the last update.", id="more after the end"
        ),
        pytest.param([], [update("STEP", "FAIL", Payload="1")], "Cannot provide a Payload for FAIL action.", id="a failure with a result"),
        pytest.param(
            [], [update("STEP", "SUCCEED", Error={})], "Cannot provide an Error for SUCCEED action.", id="a success with an error"
        ),
        pytest.param(
            [],
            [update("STEP", "SUCCEED", Payload="x" * 1_048_577)],
            "STEP output payload size must be less than or equal to 1048576 bytes.",
            id="a large result",
        ),
        pytest.param(
            [],
            [update("CHAINED_INVOKE", "START", Payload="x" * 1_048_577, **CALL)],
            "CHAINED_INVOKE input payload size must be less than or equal to 1048576 bytes.",
            id="a large input",
        ),
        pytest.param(
            [],
            [update("EXECUTION", "SUCCEED", Payload="x" * 101)],
            "Execution output payload size must be less than or equal to 100 bytes.",
            id="a large result of the execution",
        ),
        pytest.param(
            [],
            [update("STEP", "FAIL", Error={"ErrorMessage": "x" * 1_048_577})],
            "Error object size must be less than 1048576 bytes.",
            id="a large error",
        ),
    ],
)
def test_what_is_not_allowed_is_refused_and_changes_nothing(operations, before, now, message):
    for one in before:
        report(operations, one)
    known = {operation.id: operation.status for operation in operations.by_id.values()}

    assert refusal(operations, *now) == message
    assert {operation.id: operation.status for operation in operations.by_id.values()} == known


def test_a_step_may_start_and_end_in_one_checkpoint(operations):
    _, step = report(operations, STEP, update("STEP", "SUCCEED", Payload='"done"'))
    assert (step.status, step.attempt, step.result, step.ended_at) == ("SUCCEEDED", 1, '"done"', NOW)


def test_a_step_is_tried_again_when_it_is_ready(operations):
    _, step = report(operations, STEP, RETRY)
    assert (step.status, step.attempt, step.due_at) == ("PENDING", 1, NOW + 3000)

    operations.make_ready(step, NOW + 3000)
    assert (step.status, step.due_at) == ("READY", None)
    report(operations, STEP, update("STEP", "SUCCEED"), now=NOW + 3000)
    assert (step.status, step.attempt, step.error, step.started_at) == ("SUCCEEDED", 2, None, NOW)


def test_what_has_changed_is_told_once(operations):
    report(operations, STEP)
    [step] = operations.unseen()
    operations.mark_seen()
    assert operations.unseen() == []

    [wait] = report(operations, update("WAIT", "START", "w"))
    assert operations.unseen() == [wait]
    operations.mark_seen()
    operations.complete(wait, "SUCCEEDED", NOW + 1000)
    assert operations.unseen() == [wait]
    assert step.touched < wait.touched


@pytest.mark.parametrize(
    ("options", "shown"), [({}, ["execution", "c", "after"]), ({"ReplayChildren": True}, None)], ids=["left out", "kept"]
)
def test_what_is_below_a_context_that_has_ended_is_replayed_only_where_it_asks_for_it(operations, options, shown):
    report(operations, update("CONTEXT", "START", "c"), update("CONTEXT", "START", "d", ParentId="c"))
    report(operations, update("STEP", "SUCCEED", "e", ParentId="d"), update("STEP", "START", "after"))
    everything = ["execution", "c", "d", "e", "after"]
    assert [operation.id for operation in operations.replayed()] == everything

    report(operations, update("CONTEXT", "SUCCEED", "c", ContextOptions=options))
    assert [operation.id for operation in operations.replayed()] == (shown or everything)
    assert operations.replayed(4)[0].id == "after"


def test_an_operation_is_described_with_the_details_of_its_type(operations):
    _, step = report(operations, update("STEP", "START", Name="pay", SubType="Step"), RETRY)
    assert step.description(int) == {
        "Id": "a",
        "Type": "STEP",
        "Name": "pay",
        "SubType": "Step",
        "Status": "PENDING",
        "StartTimestamp": NOW,
        "StepDetails": {"Attempt": 1, "NextAttemptTimestamp": NOW + 3000, "Error": {"ErrorType": "Late"}},
    }
    [wait] = report(operations, update("WAIT", "START", "w", WaitOptions={"WaitSeconds": 10}))
    assert wait.description(lambda millis: millis / 1000)["WaitDetails"] == {"ScheduledEndTimestamp": (NOW + 10_000) / 1000}
    assert operations.execution.description(int)["ExecutionDetails"] == {"InputPayload": '{"n": 1}'}
