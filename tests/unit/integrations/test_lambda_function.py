import asyncio
import io

import pytest

from stepstack.integrations.endpoints import Endpoints
from stepstack.integrations.integrations import Integrations
from stepstack.interpreter.ports import TaskFailed

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:price:2"


@pytest.fixture
def invoked(task_call):
    """Makes one call against a Lambda in this process that answers so: the answer or the failure, and what Lambda was given."""

    def make(name, parameters, answer):
        given = []

        async def function(service, operation, params):
            given.append((service, operation, params))
            return answer

        async def scenario():
            integrations = Integrations(Endpoints(in_process={"lambda": function}))
            try:
                return await integrations.request(task_call(name, parameters))
            except TaskFailed as failed:
                return failed.failure

        return asyncio.run(scenario()), given[0]

    return make


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        pytest.param({"a": [1, 2.0]}, b'{"a":[1,2.0]}', id="object"),
        pytest.param('"text"', b'"text"', id="text goes as it is"),
        pytest.param(0, b"0", id="number"),
        pytest.param([], b"[]", id="array"),
        pytest.param(None, None, id="null is left out"),
    ],
)
def test_a_payload_goes_as_json(invoked, payload, sent):
    _, (_, operation, params) = invoked(
        "lambda:invoke", {"FunctionName": "price", "Payload": payload}, {"StatusCode": 200, "Payload": b"1"}
    )
    assert operation == "Invoke"
    assert params.get("Payload") == sent


@pytest.mark.parametrize(
    ("payload", "result"),
    [
        pytest.param(b'{"a": 1}', {"a": 1}, id="object"),
        pytest.param(b'"text"', "text", id="text"),
        pytest.param(b"0.0", 0.0, id="number"),
        pytest.param(b"null", None, id="null"),
        pytest.param(b"no json", "no json", id="no JSON"),
        pytest.param(io.BytesIO(b"[1]"), [1], id="stream"),
        pytest.param("[2]", [2], id="text of the service"),
    ],
)
def test_a_functions_result_is_json(invoked, payload, result):
    answer, _ = invoked("lambda:invoke", {"FunctionName": "price"}, {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": payload})
    assert answer["Payload"] == result
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")


def test_an_invocation_answers_with_the_headers_of_lambda(invoked):
    answer, _ = invoked(
        "lambda:invoke",
        {"FunctionName": "price", "LogType": "Tail"},
        {"StatusCode": 200, "ExecutedVersion": "3", "LogResult": "bG9n", "Payload": b'"ab"'},
    )
    assert list(answer) == ["ExecutedVersion", "LogResult", "Payload", "SdkHttpMetadata", "SdkResponseMetadata", "StatusCode"]
    headers = answer["SdkHttpMetadata"]["HttpHeaders"]
    assert list(headers) == [
        "Connection",
        "Content-Length",
        "Content-Type",
        "Date",
        "X-Amz-Executed-Version",
        "X-Amz-Log-Result",
        "x-amzn-Remapped-Content-Length",
        "x-amzn-RequestId",
        "X-Amzn-Trace-Id",
    ]
    assert (headers["Content-Length"], headers["X-Amz-Executed-Version"], headers["X-Amz-Log-Result"]) == ("4", "3", "bG9n")


def test_an_asynchronous_invocation_has_no_payload(invoked):
    answer, (_, _, params) = invoked("lambda:invoke", {"FunctionName": "price", "InvocationType": "Event"}, {"StatusCode": 202})
    assert params["InvocationType"] == "Event"
    assert "Payload" not in answer
    assert answer["StatusCode"] == 202


def test_a_functions_own_arn_takes_the_input_and_gives_the_result(invoked):
    answer, (_, _, params) = invoked(ARN, {"a": 1}, {"StatusCode": 200, "Payload": b'{"b": 2}'})
    assert params == {"FunctionName": ARN, "Payload": b'{"a":1}'}
    assert answer == {"b": 2}


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("lambda:invoke", '{"errorMessage":"No.","errorType":"CardDeclined","stackTrace":[]}'),
        (ARN, '{"errorMessage": "No.", "errorType": "CardDeclined", "stackTrace": []}'),
    ],
    ids=["invoke", "own ARN"],
)
def test_a_function_that_raises_fails_the_task_with_the_type_of_its_error(invoked, name, cause):
    payload = b'{"errorMessage": "No.", "errorType": "CardDeclined", "stackTrace": []}'
    failure, _ = invoked(name, {"FunctionName": "price"}, {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": payload})
    assert (failure.error_name, failure.cause) == ("CardDeclined", cause)


@pytest.mark.parametrize(
    "payload", [b'{"errorMessage":"Task timed out after 3.00 seconds"}', b"Killed", b""], ids=["timeout", "no JSON", "empty"]
)
def test_an_error_without_a_type_is_unknown(invoked, payload):
    failure, _ = invoked("lambda:invoke", {"FunctionName": "price"}, {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": payload})
    assert failure.error_name == "Lambda.Unknown"
    assert failure.cause.endswith(f"Returned payload: {payload.decode()}")


def test_lambda_over_http_is_asked_by_path_and_answers_by_headers(local_server, task_call):
    async def scenario():
        async with local_server(lambda request: (200, request.body, {"X-Amz-Executed-Version": "7"})) as server:
            integrations = Integrations(Endpoints(urls={"lambda": server.url}))
            answer = await integrations.request(task_call("lambda:invoke", {"FunctionName": "price", "Payload": {"a": "ä"}}))
            plain = await integrations.request(task_call(ARN, {"a": 1}))
            await integrations.close()
            return answer, plain, server.requests

    answer, plain, requests = asyncio.run(scenario())
    assert requests[0].target == "/2015-03-31/functions/price/invocations"
    assert "/us-east-1/lambda/" in requests[0].headers["authorization"]
    assert "/eu-west-1/lambda/" in requests[1].headers["authorization"]
    assert (answer["Payload"], answer["ExecutedVersion"], plain) == ({"a": "ä"}, "7", {"a": 1})


def test_a_function_error_over_http_is_told_by_a_header(local_server, task_call):
    body = {"errorType": "ValueError", "errorMessage": "m"}

    async def scenario():
        async with local_server(lambda _request: (200, body, {"X-Amz-Function-Error": "Unhandled"})) as server:
            integrations = Integrations(Endpoints(urls={"lambda": server.url}))
            with pytest.raises(TaskFailed) as failed:
                await integrations.request(task_call(ARN, {}))
            await integrations.close()
            return failed.value.failure

    failure = asyncio.run(scenario())
    assert (failure.error_name, failure.cause) == ("ValueError", '{"errorType": "ValueError", "errorMessage": "m"}')


def test_a_function_that_is_not_there_is_a_refusal_of_lambda(local_server, task_call):
    reply = (
        404,
        {"Type": "User", "Message": "Function not found: f"},
        {"x-amzn-ErrorType": "ResourceNotFoundException", "x-amzn-RequestId": "R"},
    )

    async def scenario():
        async with local_server(lambda _request: reply) as server:
            integrations = Integrations(Endpoints(urls={"lambda": server.url}))
            failures = []
            for name in ("lambda:invoke", ARN):
                with pytest.raises(TaskFailed) as failed:
                    await integrations.request(task_call(name, {"FunctionName": "f"}))
                failures.append(failed.value.failure)
            await integrations.close()
            return failures

    cause = (
        "Function not found: f (Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: R; Proxy: null)"
    )
    assert [(failure.error_name, failure.cause) for failure in asyncio.run(scenario())] == [("Lambda.ResourceNotFoundException", cause)] * 2
