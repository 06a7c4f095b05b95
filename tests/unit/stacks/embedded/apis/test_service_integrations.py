import asyncio
import json

import pytest
from tests.unit.stacks.embedded.apis.requesting import URI

from stepstack.errors import ServiceError, UnsupportedFeature

START = '{"input": "$util.escapeJavaScript($input.json(\'$\'))", "stateMachineArn": "arn:machine"}'


def integrated(action, *, method="POST", path="/a", responses=None, template=None, **more):
    templates = {} if template is None else {"requestTemplates": {"application/json": template}}
    integration = {
        "type": "aws",
        "httpMethod": "POST",
        "uri": action if action.startswith("arn:") else f"arn:aws:apigateway:us-east-1:{action}",
        "responses": {"default": {"statusCode": "200"}} if responses is None else responses,
        **templates,
        **more,
    }
    return {path: {method.lower(): {"x-amazon-apigateway-integration": integration}}}


def ask(world, body=b"", method="POST", path="/a", headers=None):
    sent = {"content-type": "application/json", **(headers or {})}
    status, received, content = world.send(method, f"/execute-api/abc123/Prod{path}", headers=sent, body=body)
    return status, received, content.decode()


def moto(world, service, operation, parameters):
    return asyncio.run(world.services.event_sources.call(service, operation, parameters, "us-east-1"))


def test_an_execution_is_started_with_the_body_as_its_input(world):
    world.api(integrated("states:action/StartExecution", template=START))
    world.execution = {"executionArn": "arn:execution", "startDate": 1.5}

    status, _, body = ask(world, b'{"who": "O\\"Neil"}')

    assert (status, json.loads(body)) == (200, world.execution)
    assert world.called == [("StartExecution", {"input": '{"who":"O\\"Neil"}', "stateMachineArn": "arn:machine"})]


def test_an_express_execution_s_output_is_what_the_response_template_makes_of_it(world):
    responses = {
        "200": {"statusCode": "200", "responseTemplates": {"application/json": "$input.path('$.output')"}},
        "400": {"statusCode": "400"},
    }
    world.api(integrated("states:action/StartSyncExecution", template=START, responses=responses))

    assert ask(world, b"{}")[::2] == (200, '{"done":true}')

    world.execution = ServiceError("StateMachineDoesNotExist", "State Machine Does Not Exist: 'arn:machine'")
    status, _, body = ask(world, b"{}")
    assert (status, json.loads(body)["message"]) == (400, "State Machine Does Not Exist: 'arn:machine'")


def test_an_answer_that_fits_no_response_is_a_fault_of_the_api_s_configuration(world):
    world.api(integrated("states:action/StartExecution", template=START, responses={"4\\d{2}": {"statusCode": "400"}}))

    assert ask(world, b"{}")[::2] == (500, '{"message": "Internal server error"}')


def test_a_response_template_may_set_the_status(world):
    template = "#if($input.path('$.status') == 'FAILED')#set($context.responseOverride.status = 422)#end$input.json('$.error')"
    responses = {"default": {"statusCode": "200", "responseTemplates": {"application/json": template}}}
    world.api(integrated("states:action/StartSyncExecution", template=START, responses=responses))
    world.execution = {"status": "FAILED", "error": "NoStock"}

    assert ask(world, b"{}")[::2] == (422, '"NoStock"')


def test_an_item_is_put_and_found_through_dynamodb_s_actions(world):
    table = {"TableName": "Music", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}
    moto(world, "dynamodb", "CreateTable", {**table, "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]})
    put = '{"TableName":"Music","Item":{"id":{"S":"$context.requestId"},"artist":{"S":"$input.path(\'$.artist\')"}}}'
    scan = {
        "responseTemplates": {"application/json": "[#foreach($i in $input.path('$').Items)\"$i.artist.S\"#if($foreach.hasNext),#end#end]"}
    }
    world.api(
        {
            **integrated(
                "dynamodb:action/PutItem",
                template=put,
                responses={"default": {"statusCode": "201", "responseTemplates": {"application/json": "{}"}}},
            ),
            **integrated("dynamodb:action/Scan", method="GET", path="/b", template='{"TableName":"Music"}', responses={"default": scan}),
        }
    )

    assert [ask(world, b'{"artist": "The Beatles"}')[::2] for _ in range(2)] == [(201, "{}")] * 2
    assert ask(world, method="GET", path="/b")[2] == '["The Beatles","The Beatles"]'


def test_a_message_is_sent_by_a_form_to_the_queue_s_path(world):
    url = moto(world, "sqs", "CreateQueue", {"QueueName": "inbox"})["QueueUrl"]
    form = {"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"}
    template = 'Action=SendMessage&MessageBody={"data":$input.body}'
    world.api(integrated("sqs:path/123456789012/inbox", template=template, requestParameters=form))

    assert ask(world, b'{"a": 1}')[0] == 200
    (message,) = moto(world, "sqs", "ReceiveMessage", {"QueueUrl": url})["Messages"]
    assert message["Body"] == '{"data":{"a": 1}}'


def test_events_are_put_by_headers_that_the_template_sets(world):
    template = """#set($context.requestOverride.header.X-Amz-Target = "AWSEvents.PutEvents")
    #set($root = $input.path('$'))
    {"Entries": [{"Detail": "{}", "DetailType": "$root.kind", "Source": "shop"}]}"""
    world.api(integrated("events:action/PutEvents", template=template))

    status, _, body = ask(world, b'{"kind": "made"}')

    assert (status, json.loads(body)["FailedEntryCount"]) == (200, 0)


def test_an_object_is_written_at_a_path_of_parameters(world):
    asyncio.run(world.services.transport("PUT", "http://s3/files", {}, b"", service="s3"))
    path = {"integration.request.path.key": "method.request.path.key"}
    document = integrated("s3:path/files/{key}", method="PUT", path="/f/{key}", requestParameters=path, httpMethod="PUT")
    world.api(document)

    assert ask(world, b"content", method="PUT", path="/f/a%20b.txt", headers={"content-type": "text/plain"})[0] == 200
    assert asyncio.run(world.services.transport("GET", "http://s3/files/a%20b.txt", {}, b"", service="s3"))[2] == b"content"


def test_a_function_without_a_proxy_gets_what_the_template_makes_and_its_errors_choose_the_response(world):
    responses = {
        "default": {"statusCode": "200", "responseTemplates": {"application/json": "{\"said\": $input.json('$')}"}},
        ".*NotFound.*": {"statusCode": "404", "responseTemplates": {"application/json": "{\"m\": $input.json('$.errorMessage')}"}},
    }
    world.api(integrated(URI, template='{"id": "$input.params(\'id\')"}', responses=responses))
    world.answer = ["fine"]

    assert ask(world, path="/a?id=7")[::2] == (200, '{"said": ["fine"]}')
    assert world.events == [{"id": "7"}]

    world.answer = RuntimeError("NotFound: 7")
    assert ask(world)[::2] == (404, '{"m": "NotFound: 7"}')


@pytest.mark.parametrize(
    ("behaviour", "kind", "status"),
    [
        ("when_no_match", "text/plain", 200),
        ("when_no_templates", "text/plain", 415),
        ("never", "text/plain", 415),
        ("never", "application/json; charset=utf-8", 200),
    ],
)
def test_what_becomes_of_a_body_without_a_template(world, behaviour, kind, status):
    world.api(integrated("states:action/StartExecution", template='{"stateMachineArn": "m"}', passthroughBehavior=behaviour))

    assert ask(world, b'{"stateMachineArn": "given"}', headers={"content-type": kind})[0] == status


def test_a_body_that_a_template_reads_has_to_be_json(world):
    world.api(integrated("states:action/StartExecution", template=START))

    status, headers, body = ask(world, b"{broken")

    assert (status, headers["x-amzn-errortype"]) == (400, "BadRequestException")
    assert "Could not parse request body into json" in body


def test_a_mock_answers_with_the_response_of_the_status_that_its_template_makes(world):
    responses = {
        "default": {"statusCode": "200", "responseTemplates": {"application/json": '{"ok": true}'}},
        "404": {"statusCode": "404", "responseParameters": {"method.response.header.X-Why": "'unknown'"}},
    }
    template = '{"statusCode": #if($input.params(\'id\') == "7")404#{else}200#end}'
    world.api(integrated("", type="mock", responses=responses, template=template))

    assert ask(world)[::2] == (200, '{"ok": true}')
    status, headers, _ = ask(world, path="/a?id=7")
    assert (status, headers["x-why"]) == (404, "unknown")


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (integrated("ec2:action/RunInstances"), "POST /a has an integration with arn:aws:apigateway:us-east-1:ec2:action/RunInstances"),
        (integrated("states:action/StartExecution", template="#parse('x')"), "#parse is not supported"),
        (integrated("states:action/StartExecution", responses={"(": {"statusCode": "200"}}), "the selection pattern '(' of an integration"),
    ],
    ids=["service", "template", "pattern"],
)
def test_what_is_not_supported_is_refused_when_the_api_is_made(world, document, text):
    with pytest.raises(UnsupportedFeature, match=r".") as refusal:
        world.api(document)

    assert text in str(refusal.value)


def test_a_header_of_a_response_may_be_the_context_s(world):
    told = {"method.response.header.X-Stage": "context.stage", "method.response.header.X-Colour": "stageVariables.colour"}
    responses = {"default": {"statusCode": "200", "responseParameters": told}}
    world.api(integrated("states:action/StartExecution", template=START, responses=responses), variables={"colour": "red"})

    headers = ask(world, b"{}")[1]

    assert (headers["x-stage"], headers["x-colour"]) == ("Prod", "red")


@pytest.mark.parametrize(
    "response",
    [
        {"responseTemplates": {"application/json": "$input.json('$.a')"}},
        {"responseParameters": {"method.response.header.X-A": "integration.response.body.a"}},
    ],
    ids=["template", "header"],
)
def test_an_answer_that_is_no_json_and_is_read_as_json_is_a_fault_of_the_api_s_configuration(world, response):
    world.api(integrated("s3:path/", method="GET", httpMethod="GET", responses={"default": {"statusCode": "200", **response}}))

    assert ask(world, method="GET")[::2] == (500, '{"message": "Internal server error"}')


def test_a_body_that_a_mock_s_template_reads_has_to_be_json(world):
    world.api(integrated("", type="mock", template="{\"statusCode\": $input.json('$.status')}"))

    status, headers, _ = ask(world, b"{broken")

    assert (status, headers["x-amzn-errortype"]) == (400, "BadRequestException")


@pytest.mark.parametrize(
    ("template", "body"),
    [
        ("#set($context.responseOverride.status = $input.path('$.status'))", {"status": 999}),
        ("#set($context.responseOverride.status = $input.path('$.status'))", {"status": "fine"}),
        ("#set($context.responseOverride.header.X-A = $input.path('$.text'))", {"text": "a\r\nSet-Cookie: b"}),
    ],
    ids=["status", "no status", "header"],
)
def test_an_answer_that_http_cannot_carry_is_a_fault_of_the_api_s_configuration(world, template, body):
    responses = {"default": {"statusCode": "200", "responseTemplates": {"application/json": template}}}
    world.api(integrated("states:action/StartSyncExecution", template=START, responses=responses))
    world.execution = body

    assert ask(world, b"{}")[::2] == (500, '{"message": "Internal server error"}')


@pytest.mark.parametrize("template", ["$input.json('$')", "$input.body"])
def test_half_of_a_surrogate_pair_is_a_question_mark(world, template):
    world.api(integrated(URI, template='{"text": "$input.path(\'$.a\')"}'))

    assert ask(world, b'{"a": "\\ud800"}')[0] == 200
    assert world.events == [{"text": "?"}]


@pytest.mark.parametrize("responses", [{}, {"default": {"statusCode": "999"}}], ids=["its own", "a response's"])
def test_a_mock_s_status_that_is_none_is_a_fault_of_the_api_s_configuration(world, responses):
    world.api(integrated("", type="mock", responses=responses, template='{"statusCode": 999}'))

    assert ask(world)[0] == 500


def test_a_form_need_be_no_text(world):
    form = {"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"}
    world.api(integrated("sqs:action/SendMessage", requestParameters=form))

    assert ask(world, b"QueueUrl=\xff")[0] in {200, 400}


def test_a_body_that_is_nested_too_deeply_is_a_bad_request(world):
    world.api(integrated("states:action/StartExecution", template=START))

    assert ask(world, b"[" * 100_000)[0] == 400
