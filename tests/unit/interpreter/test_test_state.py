"""TestState's engine: one state, what it decides, and what it shows of its way."""

from __future__ import annotations

import asyncio
import json

import pytest

from stepstack.interpreter.ports import StateFailure, TaskFailed
from stepstack.interpreter.test_state import StateMock, run_state
from stepstack.language import parse_state

INVOKE = "arn:aws:states:::lambda:invoke"
RETRY = {"Retry": [{"ErrorEquals": ["Oops"], "IntervalSeconds": 3, "BackoffRate": 2, "MaxAttempts": 2}]}
CATCH = {"Catch": [{"ErrorEquals": ["Other"], "Next": "B"}, {"ErrorEquals": ["States.ALL"], "Next": "C"}]}


@pytest.fixture
def try_state(with_engine):
    """Runs `state` by itself: `try_state(state, input, **options)`."""

    def run(state, input_value=None, tasks=None, **options):
        async def scenario(engine):
            parsed = parse_state(json.dumps(state))
            text = json.dumps({} if input_value is None else input_value)
            return await asyncio.wait_for(run_state(parsed, input_text=text, environment=engine.environment, **options), 10)

        return with_engine(scenario, tasks=tasks)

    return run


def task(**fields):
    return {"Type": "Task", "Resource": INVOKE, "Next": "A", **fields}


def test_the_output_and_the_next_state_are_told(try_state):
    test = try_state({"Type": "Pass", "Result": 1, "Next": "B"}, {"a": 1})
    assert (test.status, test.output, test.next_state, test.error) == ("SUCCEEDED", "1", "B", None)


def test_a_choice_tells_where_it_goes(try_state):
    rules = [{"Variable": "$.n", "NumericLessThan": 5, "Next": "Low"}]
    assert try_state({"Type": "Choice", "Choices": rules, "Default": "High"}, {"n": 7}).next_state == "High"


def test_a_wait_is_not_waited_for_under_a_skipping_clock(try_state):
    assert try_state({"Type": "Wait", "Seconds": 3600, "End": True}).status == "SUCCEEDED"


def test_a_task_is_really_called(try_state):
    assert try_state(task(), {"x": 1}, tasks={"StateName": lambda parameters: [parameters]}).output == '[{"x":1}]'


def test_a_mocked_result_is_not_called_for(try_state):
    test = try_state(task(ResultSelector={"y.$": "$.x"}), mock=StateMock(result='{"x": 5}'))
    assert (test.status, test.output) == ("SUCCEEDED", '{"y":5}')


def test_the_way_of_data_is_shown(try_state):
    state = task(InputPath="$.in", Parameters={"p.$": "$.n"}, ResultSelector={"r.$": "$.x"}, ResultPath="$.out")
    test = try_state(state, {"in": {"n": 1}}, mock=StateMock(result='{"x":5}'))
    assert {name: json.loads(text) for name, text in test.inspection.items()} == {
        "input": {"in": {"n": 1}},
        "afterInputPath": {"n": 1},
        "afterParameters": {"p": 1},
        "result": {"x": 5},
        "afterResultSelector": {"r": 5},
        "afterResultPath": {"in": {"n": 1}, "out": {"r": 5}},
    }


def test_jsonata_shows_its_arguments(try_state):
    state = task(QueryLanguage="JSONata", Arguments={"a": "{% $states.input.n + 1 %}"}, Output="{% $states.result %}")
    test = try_state(state, {"n": 1}, mock=StateMock(result="7"))
    assert set(test.inspection) == {"input", "afterArguments", "result"}
    assert test.inspection["afterArguments"] == '{"a":2}'


class TestFailures:
    MOCK = StateMock(failure=StateFailure("Oops", "why"))

    def test_a_failure_that_nothing_takes_fails(self, try_state):
        test = try_state(task(), mock=self.MOCK)
        assert (test.status, test.error, test.cause, test.next_state) == ("FAILED", "Oops", "why", None)

    @pytest.mark.parametrize(("count", "interval"), [(0, 3), (1, 6)])
    def test_a_retrier_would_try_again(self, try_state, count, interval):
        test = try_state(task(**RETRY), mock=self.MOCK, retrier_retry_count=count)
        assert (test.status, test.error) == ("RETRIABLE", "Oops")
        assert test.inspection["errorDetails"] == {"retryIndex": 0, "retryBackoffIntervalSeconds": interval}

    def test_a_retrier_that_is_used_up_leaves_the_failure_to_the_catchers(self, try_state):
        test = try_state(task(**RETRY, **CATCH), mock=self.MOCK, retrier_retry_count=2)
        assert (test.status, test.error, test.next_state) == ("CAUGHT_ERROR", "Oops", "C")
        assert test.inspection["errorDetails"] == {"catchIndex": 1}
        assert json.loads(test.output) == {"Error": "Oops", "Cause": "why"}

    def test_a_failure_of_the_real_task_counts_too(self, try_state):
        def fail(_):
            raise TaskFailed("Oops")

        assert try_state(task(**CATCH), tasks={"StateName": fail}).status == "CAUGHT_ERROR"

    def test_a_runtime_error_is_told_without_the_states_name(self, try_state):
        test = try_state(
            {"Type": "Map", "ItemsPath": "$.x", "End": True, "ItemProcessor": PROCESSOR}, {"x": 1}, mock=StateMock(result="[]")
        )
        assert (test.status, test.error, test.cause) == ("FAILED", "States.Runtime", 'Reference path "$.x" must point to array.')


PROCESSOR = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}


class TestMap:
    def test_its_settings_are_shown_and_its_iterations_are_the_mocks(self, try_state):
        state = {"Type": "Map", "End": True, "ItemProcessor": PROCESSOR, "MaxConcurrency": 2, "ItemSelector": {"v.$": "$$.Map.Item.Value"}}
        test = try_state(state, [1, 2], mock=StateMock(result="[3, 4]"))
        assert test.output == "[3, 4]"
        assert test.inspection["afterItemsPath"] == "[1, 2]"
        assert test.inspection["afterItemSelector"] == '[{"v":1}, {"v":2}]'
        assert test.inspection["maxConcurrency"] == 2

    @pytest.mark.parametrize(("failures", "status"), [(1, "SUCCEEDED"), (2, "FAILED")])
    def test_failed_iterations_count_against_the_tolerance(self, try_state, failures, status):
        state = {
            "Type": "Map",
            "End": True,
            "ToleratedFailureCount": 1,
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **PROCESSOR},
        }
        test = try_state(state, [1, 2, 3], mock=StateMock(result="[0]"), map_iteration_failure_count=failures)
        assert test.status == status

    def test_item_readers_are_given_their_data(self, try_state):
        state = {
            "Type": "Map",
            "End": True,
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "JSON"},
                "Parameters": {"Bucket": "b", "Key": "k"},
            },
            "ItemSelector": {"v.$": "$$.Map.Item.Value"},
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **PROCESSOR},
        }
        test = try_state(state, mock=StateMock(result="[]"), map_item_reader_data="[7]")
        assert test.inspection["afterItemSelector"] == '[{"v":7}]'


class TestContextAndVariables:
    def test_a_given_context_object_is_the_whole_one(self, try_state):
        state = {"Type": "Pass", "Parameters": {"all.$": "$$"}, "End": True}
        assert try_state(state, context={"Execution": {"Name": "x"}}).output == '{"all":{"Execution":{"Name":"x"}}}'

    def test_without_one_the_state_sees_an_express_execution(self, try_state):
        state = {"Type": "Pass", "Parameters": {"id.$": "$$.Execution.Id", "name.$": "$$.State.Name"}, "End": True}
        seen = json.loads(try_state(state, role_arn="role").output)
        assert ":express:" in seen["id"]
        assert seen["name"] == "StateName"

    def test_variables_can_be_read_and_are_shown(self, try_state):
        state = {"Type": "Pass", "Parameters": {"x.$": "$x"}, "Assign": {"y": 2}, "End": True}
        test = try_state(state, variables={"x": 1})
        assert test.output == '{"x":1}'
        assert json.loads(test.inspection["variables"]) == {"x": 1, "y": 2}


PROCESSOR = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "I", "States": {"I": {"Type": "Succeed"}}}


def distributed_map(**fields):
    return {"Type": "Map", "ItemProcessor": PROCESSOR, "End": True, **fields}


def reading(**config):
    return {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}, "ReaderConfig": config}


@pytest.mark.parametrize(
    ("config", "data", "items"),
    [
        pytest.param({"InputType": "JSON"}, "[1, 2]", [1, 2], id="JSON"),
        pytest.param({"InputType": "JSONL"}, '{"a": 1}\n{"a": 2}\n', [{"a": 1}, {"a": 2}], id="JSON Lines"),
        pytest.param({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}, "a,b\n1,2", [{"a": "1", "b": "2"}], id="CSV with its headers"),
        pytest.param({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x"]}, "1\n2", [{"x": "1"}, {"x": "2"}], id="CSV"),
        pytest.param({"InputType": "JSON", "MaxItems": 1}, "[1, 2]", [1], id="MaxItems"),
    ],
)
def test_the_data_of_an_item_reader_is_read_as_its_reader_config_says(try_state, config, data, items):
    state = distributed_map(ItemReader=reading(**config), ItemSelector={"item.$": "$$.Map.Item.Value"})
    test = try_state(state, mock=StateMock(result="[]"), map_item_reader_data=data)
    assert json.loads(test.inspection["afterItemSelector"]) == [{"item": item} for item in items]


def test_what_an_items_pointer_names_is_shown(try_state):
    state = distributed_map(ItemReader=reading(InputType="JSON", ItemsPointer="/a/b"))
    test = try_state(state, mock=StateMock(result="[]"), map_item_reader_data='{"a": {"b": [1, {"c": 2}]}}')
    assert test.inspection["afterItemsPointer"] == '[1, {"c":2}]'


@pytest.mark.parametrize(
    ("config", "data", "cause"),
    [
        pytest.param({"InputType": "JSON"}, '{"a": 1}', "Attempting to map over non-iterable node.", id="an object"),
        pytest.param({"InputType": "JSON", "MaxItems": 0}, "[1", "Unable to parse the item as JSON", id="no JSON"),
    ],
)
def test_data_that_an_item_reader_cannot_read_fail_the_state(try_state, config, data, cause):
    test = try_state(distributed_map(ItemReader=reading(**config)), mock=StateMock(result="[]"), map_item_reader_data=data)
    assert (test.status, test.error) == ("FAILED", "States.ItemReaderFailed")
    assert test.cause.startswith(cause)


def test_items_are_shown_as_java_writes_a_list_of_json_values(try_state):
    test = try_state(distributed_map(ItemsPath="$.v"), {"v": [{"a": [1, 2]}, "x", None]}, mock=StateMock(result="[]"))
    assert test.inspection["afterItemsPath"] == '[{"a":[1,2]}, "x", null]'


@pytest.mark.parametrize(
    ("field", "value", "cause"),
    [
        pytest.param("MaxConcurrencyPath", -1, "MaxConcurrency cannot be negative.", id="MaxConcurrency"),
        pytest.param("ToleratedFailureCountPath", -1, "ToleratedFailureCount cannot be negative.", id="ToleratedFailureCount"),
        pytest.param(
            "ToleratedFailurePercentagePath",
            100.1,
            "ToleratedFailurePercentage must be between 0 and 100.",
            id="ToleratedFailurePercentage",
        ),
    ],
)
def test_a_map_refuses_the_limits_that_an_execution_refuses(try_state, field, value, cause):
    test = try_state(distributed_map(ItemsPath="$.v", **{field: "$.limit"}), {"v": [1], "limit": value}, mock=StateMock(result="[1]"))
    assert (test.status, test.error, test.cause) == ("FAILED", "States.Runtime", cause)


def test_the_context_object_tells_of_no_redrive(try_state):
    context = json.loads(try_state({"Type": "Pass", "Parameters": {"context.$": "$$"}, "End": True}).output)["context"]
    assert list(context["Execution"]) == ["Id", "Input", "Name", "RoleArn", "StartTime"]
