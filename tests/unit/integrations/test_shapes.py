import datetime as dt
import io
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from stepstack.integrations.service_model import describe
from stepstack.integrations.shapes import ShapeCompiler, epoch_milliseconds, epoch_seconds, iso_timestamp

MOMENT = dt.datetime(2025, 11, 6, 12, 20, 1, 250_999, tzinfo=dt.timezone.utc)


def parameters(service, operation, *, is_sdk):
    return describe(service).operation(operation).parameters(is_sdk=is_sdk)


def answer(service, operation, *, is_sdk):
    return describe(service).operation(operation).answer(is_sdk=is_sdk)


def test_moments_are_text_in_sdk_answers_and_numbers_in_optimized_ones():
    assert iso_timestamp(MOMENT) == "2025-11-06T12:20:01.250Z"
    assert iso_timestamp(MOMENT.replace(microsecond=0)) == "2025-11-06T12:20:01Z"
    assert epoch_milliseconds(MOMENT) == 1762431601251
    assert epoch_seconds(MOMENT) == 1762431601


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        pytest.param({"TableName": "t", "Item": {"id": {"S": "1"}, "n": {"L": [{"N": "2"}]}}}, [], id="right"),
        pytest.param({"TableName": "t", "Item": None}, [], id="null stands for a member left out"),
        pytest.param({"TableName": "t", "Item": {"id": {"N": 1}}}, ["The value for the field 'N' must be a STRING"], id="number for text"),
        pytest.param({"TableName": "t", "Item": []}, ["The value for the field 'Item' must be an OBJECT"], id="array for an object"),
        pytest.param(
            {"TableName": "t", "Item": {"l": {"L": {}}}}, ["The value for the field 'L' must be an ARRAY"], id="object for an array"
        ),
        pytest.param({"TableName": "t", "Item": {"b": {"BOOL": "x"}}}, ["The value for the field 'BOOL' must be a BOOLEAN"], id="boolean"),
        pytest.param({"Item": {}}, ["The field 'TableName' is required but was missing"], id="missing"),
        pytest.param(
            {"TableName": "t", "Item": {}, "tableName": "t"}, ["The field 'tableName' is not supported by Step Functions"], id="unknown"
        ),
        pytest.param("text", ["The value for the field 'Parameters' must be an OBJECT"], id="no object"),
    ],
)
def test_parameters_are_checked_in_the_words_of_aws(value, problems):
    assert parameters("dynamodb", "PutItem", is_sdk=False).problems(value, "Parameters") == problems


def test_numbers_are_checked_and_booleans_are_none():
    shape = parameters("sqs", "ReceiveMessage", is_sdk=True)
    assert shape.problems({"QueueUrl": "u", "WaitTimeSeconds": True}, "P") == ["The value for the field 'WaitTimeSeconds' must be a NUMBER"]
    assert shape.problems({"QueueUrl": "u", "WaitTimeSeconds": 1}, "P") == []


def test_members_go_in_the_spelling_of_the_api_without_nulls():
    shape = parameters("stepfunctions", "StartExecution", is_sdk=False)
    assert shape.api_members({"StateMachineArn": "a", "Name": None, "Input": {"b": [1]}}, ("Input",)) == {
        "stateMachineArn": "a",
        "input": '{"b":[1]}',
    }


def test_nested_members_lists_and_maps_are_spelled_too():
    shape = parameters("ecs", "RunTask", is_sdk=False)
    network = {"AwsvpcConfiguration": {"Subnets": ["s", None]}}
    assert shape.request({"TaskDefinition": "t", "NetworkConfiguration": network, "Tags": [{"Key": "k", "Value": "v"}]}) == {
        "taskDefinition": "t",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"]}},
        "tags": [{"key": "k", "value": "v"}],
    }


def test_objects_stand_for_text_in_sdk_parameters_only():
    value = {"StateMachineArn": "a", "Input": {"b": 1}}
    assert parameters("stepfunctions", "StartExecution", is_sdk=True).problems(value, "P") == []
    assert parameters("stepfunctions", "StartExecution", is_sdk=True).request(value)["input"] == '{"b":1}'
    assert parameters("stepfunctions", "StartExecution", is_sdk=False).problems(value, "P") == [
        "The value for the field 'Input' must be a STRING"
    ]


@pytest.mark.parametrize(
    ("value", "sdk", "optimized"),
    [
        pytest.param("text", b'"text"', b"text", id="text"),
        pytest.param({"a": [1]}, b'{"a":[1]}', b'{"a":[1]}', id="object"),
        pytest.param(False, b"false", b"false", id="boolean"),
        pytest.param(0, b"0", b"0", id="number"),
    ],
)
def test_bodies_are_json_and_text_is_quoted_by_the_sdk_integration_only(value, sdk, optimized):
    sent = {"Bucket": "b", "Key": "k", "Body": value}
    assert parameters("s3", "PutObject", is_sdk=True).request(sent)["Body"] == sdk
    assert parameters("s3", "PutObject", is_sdk=False).request(sent)["Body"] == optimized


def test_bytes_inside_are_base64():
    assert parameters("kms", "Encrypt", is_sdk=False).request({"KeyId": "k", "Plaintext": "aGk="})["Plaintext"] == b"hi"
    assert answer("kms", "Encrypt", is_sdk=True).answer({"CiphertextBlob": b"\x00\xff"}, iso_timestamp) == {"CiphertextBlob": "AP8="}


def test_answers_are_in_alphabetical_order_without_nulls_and_maps_in_their_own():
    shape = answer("lambda", "GetFunction", is_sdk=True)
    value = {"Tags": {"b": "1", "a": "2"}, "Configuration": {"MemorySize": 128, "FunctionName": "f", "Role": None}}
    answered = shape.answer(value, iso_timestamp)
    assert list(answered) == ["Configuration", "Tags"]
    assert list(answered["Configuration"]) == ["FunctionName", "MemorySize"]
    assert list(answered["Tags"]) == ["b", "a"]


@pytest.mark.parametrize(
    "value",
    [MOMENT, MOMENT.replace(tzinfo=None), MOMENT.timestamp(), "2025-11-06T12:20:01.250999Z"],
    ids=["aware", "naive", "epoch", "text"],
)
def test_moments_are_understood_however_a_service_gives_them(value):
    shape = answer("stepfunctions", "StartExecution", is_sdk=True)
    assert shape.answer({"executionArn": "a", "startDate": value}, iso_timestamp)["StartDate"] == "2025-11-06T12:20:01.250Z"


def test_a_streamed_body_is_text():
    shape = answer("s3", "GetObject", is_sdk=True)
    assert shape.answer({"Body": io.BytesIO("ä".encode()), "ETag": '"e"'}, iso_timestamp) == {"Body": "ä", "ETag": '"e"'}


def test_a_shape_is_whole_for_whoever_asks_while_another_thread_compiles_it():
    begun, may_go_on = threading.Event(), threading.Event()

    def spelling(name):
        begun.set()
        assert may_go_on.wait(20)
        return name

    shapes = {"S": {"type": "structure", "members": {"A": {"shape": "T"}, "B": {"shape": "S"}}}, "T": {"type": "string"}}
    compiler = ShapeCompiler(shapes, spelling, takes_json=False)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(compiler.structure, "S")
        assert begun.wait(20)
        second = threads.submit(lambda: list(compiler.structure("S").members))
        assert not wait({second}, timeout=0.05).done
        may_go_on.set()
        assert second.result(20) == ["A", "B"]
    assert first.result(20).members["B"][1] is first.result(20)
