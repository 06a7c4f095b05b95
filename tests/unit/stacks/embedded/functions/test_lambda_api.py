import asyncio
import base64
import io
import json
import zipfile
from pathlib import Path

import pytest

from stepstack.stacks.embedded.services import EmbeddedServices

SIGNED = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
HELLO = "def handler(event, context):\n    print('hello log')\n    return {'hello': event}\n"


@pytest.fixture
def services():
    embedded = EmbeddedServices()
    yield embedded
    embedded.close()


def zipped(**files):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        for name, text in files.items():
            bundle.writestr(f"{name.replace('__', '/')}.py", text)
    return archive.getvalue()


def request(services, method, path, parameters=None, *, headers=None, body=None, service="lambda"):
    async def run():
        content = body if body is not None else b"" if parameters is None else json.dumps(parameters).encode()
        sent = {"Authorization": SIGNED.format(service), **(headers or {})}
        answer = await services.transport(method, f"http://anywhere{path}", sent, content)
        if services.lambda_service:
            await services.lambda_service.settle()
        return answer

    status, received, content = asyncio.run(run())
    return status, received, content


def call(services, method, path, parameters=None, **options):
    status, _, content = request(services, method, path, parameters, **options)
    return status, json.loads(content) if content else None


def create(services, name="hello", code=None, **parameters):
    archive = code if code is not None else zipped(app=HELLO)
    definition = {
        "FunctionName": name,
        "Runtime": "python3.12",
        "Role": "arn:aws:iam::123456789012:role/any",
        "Handler": "app.handler",
        "Code": {"ZipFile": base64.b64encode(archive).decode()},
        **parameters,
    }
    return call(services, "POST", "/2015-03-31/functions", definition)


INVOKE = "/2015-03-31/functions/hello/invocations"


def test_a_function_made_from_a_zip_file_is_invoked(services):
    status, configuration = create(services)
    assert (status, configuration["State"], configuration["Timeout"], configuration["MemorySize"]) == (201, "Active", 3, 128)
    assert configuration["FunctionArn"] == "arn:aws:lambda:us-east-1:123456789012:function:hello"
    status, headers, payload = request(services, "POST", INVOKE, {"n": 1}, headers={"X-Amz-Log-Type": "Tail"})
    assert (status, json.loads(payload)) == (200, {"hello": {"n": 1}})
    assert headers["X-Amz-Executed-Version"] == "$LATEST"
    assert "hello log" in base64.b64decode(headers["X-Amz-Log-Result"]).decode()


@pytest.mark.parametrize(("invocation_type", "status"), [("Event", 202), ("DryRun", 204)])
def test_an_answer_that_comes_before_the_function_has_run_names_no_version(services, invocation_type, status):
    create(services)
    answered, headers, payload = request(services, "POST", INVOKE, {}, headers={"X-Amz-Invocation-Type": invocation_type})
    assert (answered, payload, "X-Amz-Executed-Version" in headers) == (status, b"", False)


def test_an_invocation_of_no_known_type_is_refused(services):
    create(services)
    status, _, body = request(services, "POST", INVOKE, {}, headers={"X-Amz-Invocation-Type": "Later"})
    constraint = "Member must satisfy enum value set: [Event, RequestResponse, DryRun]"
    message = f"1 validation error detected: Value 'Later' at 'invocationType' failed to satisfy constraint: {constraint}"
    assert (status, json.loads(body)["message"]) == (400, message)


def test_an_error_of_the_function_is_a_success_of_the_call(services):
    create(services, code=zipped(app="def handler(event, context):\n    raise ValueError('no')\n"))
    status, headers, payload = request(services, "POST", INVOKE, {})
    assert (status, headers["X-Amz-Function-Error"]) == (200, "Unhandled")
    assert json.loads(payload)["stackTrace"] == ["  File \"/var/task/app.py\", line 2, in handler\n    raise ValueError('no')\n"]


def test_a_function_may_come_from_the_stack_s_s3(services):
    request(services, "PUT", "/bucket", service="s3")
    request(services, "PUT", "/bucket/builds/app.zip", body=zipped(app=HELLO), service="s3")
    definition = {"FunctionName": "hello", "Runtime": "python3.12", "Role": "r", "Handler": "app.handler"}
    code = {"S3Bucket": "bucket", "S3Key": "builds/app.zip"}
    assert call(services, "POST", "/2015-03-31/functions", {**definition, "Code": code})[0] == 201
    assert call(services, "POST", INVOKE, 1) == (200, {"hello": 1})
    missing = {"S3Bucket": "bucket", "S3Key": "gone.zip"}
    status, answer = call(services, "POST", "/2015-03-31/functions", {**definition, "FunctionName": "other", "Code": missing})
    assert (status, "gone.zip" in answer["message"]) == (400, True)


def test_logs_are_read_from_cloudwatch_logs(services):
    create(services)
    request(services, "POST", INVOKE, {})
    headers = {"X-Amz-Target": "Logs_20140328.FilterLogEvents", "Content-Type": "application/x-amz-json-1.1"}
    status, answer = call(services, "POST", "/", {"logGroupName": "/aws/lambda/hello"}, headers=headers, service="logs")
    assert status == 200
    messages = [event["message"] for event in answer["events"]]
    assert [message.partition(" ")[0].strip() for message in messages] == ["START", "hello", "END", "REPORT"]


def test_get_list_and_delete(services):
    create(services)
    create(services, "another", Tags={"team": "a"})
    status, answer = call(services, "GET", "/2015-03-31/functions/another")
    assert (status, answer["Configuration"]["FunctionName"], answer["Tags"]) == (200, "another", {"team": "a"})
    assert call(services, "GET", "/2015-03-31/functions/hello/configuration")[1]["LastUpdateStatus"] == "Successful"
    _, listed = call(services, "GET", "/2015-03-31/functions?MaxItems=1")
    assert ([function["FunctionName"] for function in listed["Functions"]], listed["NextMarker"]) == (["another"], "1")
    assert call(services, "DELETE", "/2015-03-31/functions/hello")[0] == 204
    status, answer = call(services, "GET", "/2015-03-31/functions/hello")
    assert (status, answer["Message"]) == (404, "Function not found: arn:aws:lambda:us-east-1:123456789012:function:hello")


def test_updated_code_and_configuration_are_used(services):
    create(services)
    call(services, "POST", INVOKE, 1)
    newer = "import os\n\n\ndef handler(event, context):\n    return os.environ['MODE']\n"
    status, _ = call(services, "PUT", "/2015-03-31/functions/hello/code", {"ZipFile": base64.b64encode(zipped(app=newer)).decode()})
    assert status == 200
    environment = {"Environment": {"Variables": {"MODE": "new"}}, "Timeout": 7}
    assert call(services, "PUT", "/2015-03-31/functions/hello/configuration", environment)[1]["Timeout"] == 7
    assert call(services, "POST", INVOKE, 1) == (200, "new")


def test_a_version_keeps_its_code_and_an_alias_points_at_it(services):
    create(services, code=zipped(app="def handler(event, context):\n    return 'first'\n"))
    assert call(services, "POST", "/2015-03-31/functions/hello/versions", {})[1]["Version"] == "1"
    second = base64.b64encode(zipped(app="def handler(event, context):\n    return 'second'\n")).decode()
    call(services, "PUT", "/2015-03-31/functions/hello/code", {"ZipFile": second})
    status, alias = call(services, "POST", "/2015-03-31/functions/hello/aliases", {"Name": "live", "FunctionVersion": "1"})
    assert (status, alias["AliasArn"]) == (201, "arn:aws:lambda:us-east-1:123456789012:function:hello:live")
    assert call(services, "POST", INVOKE + "?Qualifier=1", {}) == (200, "first")
    assert call(services, "POST", "/2015-03-31/functions/hello%3Alive/invocations", {}) == (200, "first")
    assert call(services, "POST", INVOKE, {}) == (200, "second")
    call(services, "PUT", "/2015-03-31/functions/hello/aliases/live", {"FunctionVersion": "$LATEST"})
    assert call(services, "POST", INVOKE + "?Qualifier=live", {}) == (200, "second")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"Runtime": "nodejs22.x"}, "the runtime nodejs22.x is not supported"),
        ({"PackageType": "Image"}, "container images are not supported"),
        ({"Timeout": 901}, "from 1 to 900"),
        ({"Layers": ["arn:layer"]}, "without layers"),
        ({"Handler": ""}, "mandatory"),
        ({"Code": {"ZipFile": base64.b64encode(b"no zip").decode()}}, "Could not unzip uploaded file"),
        ({"Environment": {"Variables": {"A": "x" * 5000}}}, "4KB limit"),
    ],
    ids=["runtime", "image", "timeout", "layers", "handler", "no zip", "variables"],
)
def test_what_is_not_supported_is_refused_when_the_function_is_made(services, parameters, message):
    status, answer = create(services, **parameters)
    assert status == 400
    assert message in answer["message"]


def test_a_zip_file_that_reaches_outside_its_folder_is_refused(services, tmp_path):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("../escaped.py", "x = 1")
    status, _ = create(services, code=archive.getvalue())
    assert status == 400


def test_a_zip_file_that_is_damaged_is_refused(services):
    archive = bytearray(zipped(app=HELLO))
    archive[archive.index(b"hello log")] ^= 1

    status, answer = create(services, code=bytes(archive))

    assert (status, answer["message"]) == (400, "Could not unzip uploaded file. Please check your file, then try to upload again.")


@pytest.mark.parametrize("query", ["MaxItems=many", "Marker=%C2%B2"], ids=["size", "marker"])
def test_a_number_that_is_none_is_refused(services, query):
    status, answer = call(services, "GET", f"/2015-03-31/functions?{query}")

    assert status == 400
    assert "is a whole number" in answer["message"]


def test_the_number_of_a_deleted_version_is_not_given_again(services):
    create(services)
    path = "/2015-03-31/functions/hello"
    published = []
    for number in range(3):
        call(services, "PUT", f"{path}/configuration", {"Description": str(number)})
        published.append(call(services, "POST", f"{path}/versions", {})[1]["Version"])
        call(services, "DELETE", f"{path}?Qualifier=1")

    assert published == ["1", "2", "3"]


def test_the_folder_of_a_deleted_version_is_gone_once_nothing_has_its_code(services):
    create(services, code=zipped(app="def handler(event, context):\n    return __file__\n"), Publish=True)
    _, path = call(services, "POST", INVOKE, {})
    call(services, "PUT", "/2015-03-31/functions/hello/code", {"ZipFile": base64.b64encode(zipped(app=HELLO)).decode()})
    assert Path(path).exists()

    call(services, "DELETE", "/2015-03-31/functions/hello?Qualifier=1")
    assert not Path(path).parent.exists()


def test_the_folder_of_a_deleted_function_is_gone(services):
    create(services, code=zipped(app="def handler(event, context):\n    return __file__\n"))
    _, path = call(services, "POST", INVOKE, {})
    assert Path(path).exists()
    call(services, "DELETE", "/2015-03-31/functions/hello")
    assert not Path(path).parent.exists()


def test_reset_removes_functions_and_their_folders(services):
    create(services, code=zipped(app="def handler(event, context):\n    return __file__\n"))
    _, path = call(services, "POST", INVOKE, {})
    services.reset()
    assert not Path(path).parent.exists()
    assert call(services, "GET", "/2015-03-31/functions")[1] == {"Functions": []}


def test_making_a_function_twice_is_refused(services):
    create(services)
    status, answer = create(services)
    assert (status, answer["Message"]) == (409, "Function already exist: hello")


def test_permissions_are_kept_but_not_asked(services):
    create(services)
    statement = {
        "StatementId": "s3",
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
        "SourceArn": "arn:aws:s3:::bucket",
    }
    status, answer = call(services, "POST", "/2015-03-31/functions/hello/policy", statement)
    assert (status, json.loads(answer["Statement"])["Principal"]) == (201, {"Service": "s3.amazonaws.com"})
    _, policy = call(services, "GET", "/2015-03-31/functions/hello/policy")
    assert [entry["Sid"] for entry in json.loads(policy["Policy"])["Statement"]] == ["s3"]
    assert call(services, "DELETE", "/2015-03-31/functions/hello/policy/s3")[0] == 204
    assert call(services, "GET", "/2015-03-31/functions/hello/policy")[0] == 404


def test_an_operation_that_is_not_here_is_refused_by_name(services):
    status, answer = call(services, "PUT", "/2017-10-31/functions/hello/concurrency", {"ReservedConcurrentExecutions": 1})
    assert (status, "/concurrency" in answer["message"]) == (501, True)


def test_an_unsigned_invocation_is_told_by_its_path(services):
    create(services)

    async def run():
        return await services.transport("POST", f"http://anywhere{INVOKE}", {}, b"{}")

    status, _, payload = asyncio.run(run())
    assert (status, json.loads(payload)) == (200, {"hello": {}})


def test_functions_reach_the_stack_without_being_told_where_it_is(services):
    services.endpoint_url = "http://127.0.0.1:4321"
    create(services, code=zipped(app="import os\n\n\ndef handler(event, context):\n    return os.environ['AWS_ENDPOINT_URL']\n"))
    assert call(services, "POST", INVOKE, {}) == (200, "http://127.0.0.1:4321")


def test_an_asynchronous_invocation_is_accepted(services):
    create(services)
    status, _, payload = request(services, "POST", INVOKE, {}, headers={"X-Amz-Invocation-Type": "Event"})
    assert (status, payload) == (202, b"")


def test_a_zip_file_with_a_file_in_a_file_is_refused(services):
    status, answer = create(services, code=zipped(**{"app": HELLO, "app.py__inner": HELLO}))
    assert (status, answer["message"].partition(".")[0]) == (400, "Could not unzip uploaded file")
