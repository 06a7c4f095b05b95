import asyncio
import json
import os
import threading
import urllib.request
from textwrap import dedent

import pytest

from stepstack.assembly import Settings, embedded_stack
from stepstack.errors import ServiceError, SettingsError, UnsupportedFeature
from stepstack.stacks.embedded.templates.deployed_stacks import DeployedStacks
from stepstack.stacks.embedded.templates.template import load_template
from stepstack.stacks.embedded.templates.template_application import Application, deploy
from stepstack.stacks.embedded.templates.template_workshop import Made

SAM = """
    AWSTemplateFormatVersion: '2010-09-09'
    Transform: AWS::Serverless-2016-10-31
    Parameters:
      Stage: {Type: String, Default: dev}
    Globals:
      Function:
        Runtime: python3.12
        CodeUri: src/
        Environment: {Variables: {TABLE: !Ref Table}}
    Resources:
      Table:
        Type: AWS::DynamoDB::Table
        Properties:
          BillingMode: PAY_PER_REQUEST
          AttributeDefinitions: [{AttributeName: PK, AttributeType: S}]
          KeySchema: [{AttributeName: PK, KeyType: HASH}]
          StreamSpecification: {StreamViewType: NEW_IMAGE}
      Bucket:
        Type: AWS::S3::Bucket
      Hello:
        Type: AWS::Serverless::Function
        Properties:
          Handler: app.handler
          Policies: [{DynamoDBCrudPolicy: {TableName: !Ref Table}}]
          Events:
            Get: {Type: Api, Properties: {Path: '/hello/{id}', Method: get}}
      Http:
        Type: AWS::Serverless::Function
        Properties:
          Handler: app.http
          Events:
            Any: {Type: HttpApi, Properties: {Path: '/things/{proxy+}', Method: any}}
      Recorder:
        Type: AWS::Serverless::Function
        Properties:
          Handler: app.record
          Events:
            Stream:
              Type: DynamoDB
              Properties:
                Stream: !GetAtt Table.StreamArn
                StartingPosition: LATEST
                FilterCriteria: {Filters: [{Pattern: '{"eventName": ["INSERT"]}'}]}
            Upload: {Type: S3, Properties: {Bucket: !Ref Bucket, Events: 's3:ObjectCreated:*'}}
            Event: {Type: EventBridgeRule, Properties: {Pattern: {source: [shop]}}}
      Machine:
        Type: AWS::Serverless::StateMachine
        Properties:
          DefinitionUri: machine.asl.json
          DefinitionSubstitutions: {Function: !GetAtt Hello.Arn}
    Outputs:
      Url: {Value: !Sub 'https://${ServerlessRestApi}.execute-api.${AWS::Region}.amazonaws.com/Prod/hello/'}
      HttpUrl: {Value: !Sub 'https://${ServerlessHttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}'}
      Table: {Value: !Ref Table}
      Bucket: {Value: !Ref Bucket}
      Stage: {Value: !Join ['-', [stage, !Ref Stage]]}
"""


def test_a_sam_application_is_deployed_used_and_deleted(world):
    (world.folder / "machine.asl.json").write_text(
        '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "${Function}", "End": true}}}'
    )

    async def scenario():
        application = await world.deploy(SAM)
        outputs = application.outputs
        assert outputs["Stage"] == "stage-dev"
        assert outputs["Url"].startswith("http://127.0.0.1:4321/execute-api/")
        status, headers, body = await world.get(outputs["Url"] + "Ann")
        assert (status, headers["X-Table"], body) == (200, outputs["Table"], {"hello": "Ann", "method": "GET"})
        assert (await world.get(outputs["Url"] + "boom"))[::2] == (502, {"message": "Internal server error"})
        assert (await world.get(outputs["Url"] + "a/b"))[::2] == (403, {"message": "Missing Authentication Token"})
        assert (await world.get(outputs["Url"] + "Ann", "POST"))[0] == 403
        status, _, body = await world.get(outputs["HttpUrl"] + "/things/a/b?x=1&x=2", "PUT", b"text", {"content-type": "text/plain"})
        assert (status, body) == (200, {"key": "ANY /things/{proxy+}", "query": {"x": "1,2"}, "body": "text"})
        assert (await world.get(outputs["HttpUrl"] + "/none"))[::2] == (404, {"message": "Not Found"})
        (machine,) = world.machines.values()
        assert f"function:{application.physical_ids['Hello']}" in machine["definition"]
        await world.services.event_sources.call(
            "dynamodb", "PutItem", {"TableName": outputs["Table"], "Item": {"PK": {"S": "1"}}}, "us-east-1"
        )
        await world.services.transport("PUT", f"http://s3/{outputs['Bucket']}/key", {}, b"x", service="s3")
        await application.delete()
        assert world.machines == {}
        assert await world.names("dynamodb", "ListTables", "TableNames") == []
        assert world.services.lambda_service.listed() == []
        assert world.services.event_sources.mappings == {}
        assert (await world.get(outputs["Url"] + "Ann"))[0] == 403

    asyncio.run(scenario())


def test_events_of_a_template_reach_their_function(world):
    (world.folder / "machine.asl.json").write_text('{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}')

    async def scenario():
        application = await world.deploy(SAM)
        seen = []
        # The function of the template is replaced by one that can be looked into.
        world.services.lambda_service.register(application.physical_ids["Recorder"], lambda event, _: seen.append(event))
        table, bucket = application.outputs["Table"], application.outputs["Bucket"]

        async def send(service, target, parameters):
            headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.0"}
            status, _, _ = await world.services.transport("POST", "http://x/", headers, json.dumps(parameters).encode(), service=service)
            assert status == 200

        await send("dynamodb", "DynamoDB_20120810.PutItem", {"TableName": table, "Item": {"PK": {"S": "1"}}})
        await world.services.transport("PUT", f"http://s3/{bucket}/key", {}, b"x", service="s3")
        await send("events", "AWSEvents.PutEvents", {"Entries": [{"Source": "shop", "DetailType": "d", "Detail": "{}"}]})
        for _ in range(2000):
            if len(seen) == 3:
                break
            await asyncio.sleep(0.01)
        return seen

    seen = asyncio.run(scenario())
    kinds = sorted(event["Records"][0]["eventSource"] if "Records" in event else event["source"] for event in seen)
    assert kinds == ["aws:dynamodb", "aws:s3", "shop"]


def test_conditions_mappings_and_parameters_decide(world):
    template = """
        Parameters: {Stage: {Type: String, AllowedValues: [dev, prod], Default: dev}}
        Mappings: {Names: {dev: {Queue: dev-queue}, prod: {Queue: prod-queue}}}
        Conditions: {IsProd: !Equals [!Ref Stage, prod]}
        Resources:
          Queue:
            Type: AWS::SQS::Queue
            Properties:
              QueueName: !FindInMap [Names, !Ref Stage, Queue]
              VisibilityTimeout: !If [IsProd, 60, !Ref AWS::NoValue]
          Extra: {Type: AWS::SQS::Queue, Condition: IsProd}
        Outputs:
          Arn: {Value: !GetAtt Queue.Arn}
          Extra: {Condition: IsProd, Value: !Ref Extra}
    """

    async def scenario():
        first = await world.deploy(template)
        second = await world.deploy(template, name="second", parameters={"Stage": "prod"})
        return first.outputs, second.outputs

    dev, prod = asyncio.run(scenario())
    assert dev == {"Arn": "arn:aws:sqs:us-east-1:123456789012:dev-queue"}
    assert (prod["Arn"].endswith("prod-queue"), "/123456789012/second-Extra-" in prod["Extra"]) == (True, True)


def test_a_topic_brings_its_messages_to_its_queue_and_on_to_a_function(world):
    template = """
        Resources:
          Queue: {Type: AWS::SQS::Queue}
          Topic:
            Type: AWS::SNS::Topic
            Properties: {Subscription: [{Protocol: sqs, Endpoint: !GetAtt Queue.Arn}]}
          Mapping:
            Type: AWS::Lambda::EventSourceMapping
            Properties: {EventSourceArn: !GetAtt Queue.Arn, FunctionName: seen}
        Outputs: {Topic: {Value: !Ref Topic}}
    """
    seen = threading.Event()
    bodies = []

    def handler(event, _context):
        bodies.extend(json.loads(record["body"])["Message"] for record in event["Records"])
        seen.set()

    world.services.lambda_service.register("seen", handler)

    async def scenario():
        application = await world.deploy(template)
        body = f"Action=Publish&TopicArn={application.outputs['Topic']}&Message=hello&Version=2010-03-31"
        headers = {"content-type": "application/x-www-form-urlencoded"}
        status, _, _ = await world.services.transport("POST", "http://x/", headers, body.encode(), service="sns")
        assert status == 200
        assert await asyncio.to_thread(seen.wait, 20)
        await application.delete()

    asyncio.run(scenario())
    assert bodies == ["hello"]


def test_code_in_the_template_and_code_of_cdk_are_run(world):
    (world.folder / "asset.1").mkdir()
    (world.folder / "asset.1" / "index.py").write_text("def handler(event, context):\n    return 'asset'\n")
    inline = "import os\ndef handler(event, context):\n    return 'inline ' + os.environ['SIZE'] + os.environ['IS_LARGE']\n"
    function = {"Runtime": "python3.12", "Handler": "index.handler", "Role": {"Fn::GetAtt": ["Role", "Arn"]}}
    template = {
        "Resources": {
            "Role": {"Type": "AWS::IAM::Role", "Properties": {}},
            "Inline": {
                "Type": "AWS::Lambda::Function",
                "Properties": {**function, "Code": {"ZipFile": inline}, "Environment": {"Variables": {"SIZE": 3, "IS_LARGE": True}}},
            },
            "Asset": {
                "Type": "AWS::Lambda::Function",
                "Properties": {**function, "Code": {"S3Bucket": "cdk-assets", "S3Key": "1.zip"}},
                "Metadata": {"aws:asset:path": "asset.1", "aws:asset:property": "Code"},
            },
        }
    }

    async def scenario():
        application = await world.deploy(template)
        return [(await world.services.lambda_service.invoke(application.physical_ids[name])).payload for name in ("Inline", "Asset")]

    assert asyncio.run(scenario()) == [b'"inline 3true"', b'"asset"']


@pytest.mark.parametrize(
    ("resources", "error", "text"),
    [
        ("{X: {Type: AWS::EC2::Instance}}", UnsupportedFeature, "the resource X has the type AWS::EC2::Instance"),
        (
            "{X: {Type: AWS::SQS::Queue, Properties: {Wrong: 1}}, Y: {Type: AWS::EC2::Instance}}",
            UnsupportedFeature,
            "the resource X (AWS::SQS::Queue) has the property Wrong, which is not supported here; the resource Y has the type AWS::EC2",
        ),
        ("{X: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Nowhere}}}", SettingsError, "no parameter and no resource Nowhere"),
        (
            "{X: {Type: AWS::SQS::Queue, Properties: {QueueName: !ImportValue x}}}",
            SettingsError,
            "imports x, which no",
        ),
        ("{X: {Type: AWS::Events::Rule, Properties: {ScheduleExpression: now and then}}}", ServiceError, "ScheduleExpression is not valid"),
        ("{X: {Type: AWS::Events::EventBus, Properties: {}}}", SettingsError, "the resource X (AWS::Events::EventBus) lacks 'Name'"),
        ("{X: {Type: AWS::SQS::Queue}}\nOutputs: {Out: {Value: !GetAtt X.Colour}}", SettingsError, "X has no attribute Colour"),
        ("{X: {Type: AWS::SQS::Queue, DependsOn: Y}, Y: {Type: AWS::SQS::Queue, DependsOn: X}}", SettingsError, "X -> Y -> X"),
        ("{X: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt Y.Colour}}, Y: {Type: AWS::SQS::Queue}}", SettingsError, "Colour"),
    ],
    ids=["type", "all at once", "reference", "function", "schedule", "property", "output", "circle", "attribute"],
)
def test_what_is_not_supported_is_named_and_nothing_is_left(world, resources, error, text):
    async def scenario():
        with pytest.raises(error) as caught:
            await world.deploy(f"Resources: {resources}")
        assert text in str(caught.value)
        answer = await world.services.event_sources.call("sqs", "ListQueues", {}, "us-east-1")
        assert "QueueUrls" not in answer

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("template", "parameters", "text"),
    [
        ("nothing: here", {}, "has no Resources"),
        ("Resources: {", {}, "neither YAML nor JSON"),
        ("{Parameters: {A: {Type: String}}, Resources: {}}", {}, "A has no default"),
        ("Resources: {}", {"B": "1"}, "has no parameter B"),
        ("{Transform: AWS::Include, Resources: {}}", {}, "AWS::Include is not supported"),
        (
            "{Transform: AWS::Serverless-2016-10-31, Resources: {F: {Type: AWS::Serverless::Function, Properties: {Nonsense: 1}}}}",
            {},
            "no valid SAM template",
        ),
    ],
    ids=["no resources", "no yaml", "parameter", "unknown parameter", "transform", "sam"],
)
def test_a_template_that_is_none_is_refused(world, template, parameters, text):
    with pytest.raises(SettingsError, match=r".") as caught:
        asyncio.run(world.deploy(template, parameters=parameters))
    assert text in str(caught.value)


def test_a_template_that_is_not_there_is_refused(world, tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        asyncio.run(deploy(tmp_path / "none.yaml", world.services, world.step_functions))


CUSTOM = """
    Resources:
      Thing: {Type: Custom::Thing, Properties: {ServiceToken: 'arn:aws:lambda:us-east-1:123456789012:function:maker', Size: 3}}
    Outputs: {Made: {Value: !Ref Thing}, Colour: {Value: !GetAtt Thing.Colour}}
"""


def custom_maker(world, seen, status):
    def maker(event, _context):
        seen.append((event["RequestType"], event["ResourceProperties"]["Size"], event.get("PhysicalResourceId")))
        answer = {"Status": status, "Reason": "no paint", "PhysicalResourceId": "thing-1", "Data": {"Colour": "red"}}
        path = event["ResponseURL"].removeprefix("http://127.0.0.1:4321")
        asyncio.run(world.services.transport("PUT", f"http://x{path}", {}, json.dumps(answer).encode()))

    return maker


def test_a_custom_resource_is_made_and_deleted_by_its_function(world):
    seen = []
    world.services.lambda_service.register("maker", custom_maker(world, seen, "SUCCESS"))

    async def scenario():
        application = await world.deploy(CUSTOM)
        await application.delete()
        return application.outputs

    assert asyncio.run(scenario()) == {"Made": "thing-1", "Colour": "red"}
    assert seen == [("Create", "3", None), ("Delete", "3", "thing-1")]


def test_a_custom_resource_that_fails_gives_its_reason(world):
    world.services.lambda_service.register("maker", custom_maker(world, [], "FAILED"))
    with pytest.raises(SettingsError, match="the custom resource Thing failed: no paint"):
        asyncio.run(world.deploy(CUSTOM))


def test_a_profile_of_the_shell_that_is_not_there_hinders_no_transform_and_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "gone")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    properties = "{Runtime: python3.12, Handler: app.handler, InlineCode: ''}"
    function = f"{{Type: AWS::Serverless::Function, Properties: {properties}}}"
    (tmp_path / "template.yaml").write_text(f"{{Transform: AWS::Serverless-2016-10-31, Resources: {{F: {function}}}}}")
    assert "F" in load_template(tmp_path / "template.yaml").resources
    assert (os.environ["AWS_PROFILE"], os.environ.get("AWS_DEFAULT_REGION")) == ("gone", None)


def test_an_application_is_deployed_into_a_running_stack_and_answers_over_http(tmp_path):
    body = "{'statusCode': 200, 'body': os.environ['AWS_ENDPOINT_URL']}"
    (tmp_path / "app.py").write_text(f"import os\n\n\ndef handler(event, context):\n    return {body}\n")
    template = """
        Transform: AWS::Serverless-2016-10-31
        Resources:
          Hello:
            Type: AWS::Serverless::Function
            Properties:
              Runtime: python3.12
              Handler: app.handler
              Events: {Get: {Type: HttpApi, Properties: {Path: /hello, Method: get}}}
          Machine:
            Type: AWS::Serverless::StateMachine
            Properties: {Definition: {StartAt: A, States: {A: {Type: Task, Resource: !GetAtt Hello.Arn, End: true}}}}
        Outputs:
          Url: {Value: !Sub 'https://${ServerlessHttpApi}.execute-api.${AWS::Region}.amazonaws.com/hello'}
    """
    (tmp_path / "template.yaml").write_text(dedent(template))
    with embedded_stack(Settings.from_environment({})) as stack:
        application = stack.deploy(tmp_path / "template.yaml")
        with urllib.request.urlopen(application.outputs["Url"], timeout=30) as answer:  # noqa: S310 - a URL of the stack
            assert answer.read().decode() == stack.endpoint_url
        machines = stack.run(stack.service.call("ListStateMachines", {}))["stateMachines"]
        assert [machine["stateMachineArn"] for machine in machines] == [application.physical_ids["Machine"]]
        stack.run(application.delete())
        assert stack.run(stack.service.call("ListStateMachines", {}))["stateMachines"] == []


def test_what_is_gone_already_is_as_good_as_deleted(world):
    keys = {
        "AttributeDefinitions": [{"AttributeName": "PK", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}],
    }
    table = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "gone", "BillingMode": "PAY_PER_REQUEST", **keys}}

    async def scenario():
        application = await world.deploy({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}, "Table": table}})
        await world.services.event_sources.call("dynamodb", "DeleteTable", {"TableName": "gone"}, "us-east-1")
        await application.delete()
        assert application.outputs == {}

    asyncio.run(scenario())


BUCKET = """
    Resources:
      Seen: {Type: AWS::Lambda::Function, Properties: {Runtime: python3.12, Handler: index.h, Role: r, Code: {ZipFile: 'h = print'}}}
      Bucket:
        Type: AWS::S3::Bucket
        Properties:
          NotificationConfiguration:
            LambdaConfigurations:
              - Event: s3:ObjectCreated:*
                Function: !GetAtt Seen.Arn
                Filter: {S3Key: {Rules: [{Name: prefix, Value: R&D <1>/}]}}
"""


def test_a_bucket_s_filter_may_have_any_signs(world):
    async def scenario():
        bucket = (await world.deploy(BUCKET)).physical_ids["Bucket"]
        (configuration,) = world.services.event_sources.notifications.configurations[bucket]
        return configuration.prefix

    assert asyncio.run(scenario()) == "R&D <1>/"


def test_a_bucket_of_objects_that_are_locked_is_given_up(world):
    async def scenario():
        rest = world.services.transport
        await rest("PUT", "http://s3/vault", {"x-amz-bucket-object-lock-enabled": "true"}, b"", service="s3")
        headers = {
            "x-amz-object-lock-mode": "COMPLIANCE",
            "x-amz-object-lock-retain-until-date": "2999-01-01T00:00:00Z",
            "x-amz-sdk-checksum-algorithm": "CRC32",
        }
        for key in ("kept", "free"):
            await rest("PUT", f"http://s3/vault/{key}", headers if key == "kept" else {}, b"1", service="s3")
        await asyncio.wait_for(world.services.empty_bucket("vault"), 20)
        return (await rest("GET", "http://s3/vault?versions", {}, b"", service="s3"))[2].decode()

    left = asyncio.run(scenario())
    assert "<Key>kept</Key>" in left
    assert "<Key>free</Key>" not in left


def test_resources_are_deleted_though_one_fails_in_an_unforeseen_way():
    deleted = []
    application = Application("app", "arn", DeployedStacks())

    def resource(name, fault=None):
        async def delete():
            deleted.append(name)
            if fault is not None:
                raise fault

        return Made(name, {}, delete)

    application.add("One", "AWS::SQS::Queue", resource("one"))
    application.add("Two", "AWS::SQS::Queue", resource("two", TypeError("unforeseen")))
    with pytest.raises(TypeError, match="unforeseen"):
        asyncio.run(application.delete())
    assert deleted == ["two", "one"]


WAITING = """
    Transform: AWS::Serverless-2016-10-31
    Resources:
      Machine:
        Type: AWS::Serverless::StateMachine
        Properties:
          DefinitionUri: machine.asl.yaml
          DefinitionSubstitutions: {Days: 3}
"""


def test_substitutions_are_made_before_a_definition_in_yaml_is_read(world):
    (world.folder / "machine.asl.yaml").write_text("StartAt: W\nStates:\n  W: {Type: Wait, Seconds: $" + "{Days}, End: true}\n")

    async def scenario():
        await world.deploy(WAITING)
        (machine,) = world.machines.values()
        assert json.loads(machine["definition"])["States"]["W"]["Seconds"] == 3

    asyncio.run(scenario())


def test_what_a_service_refuses_is_told_with_the_resource(world):
    template = """
    Resources:
      Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: 'not a name!'}}
    """
    with pytest.raises(ServiceError, match=r"the resource Queue \(AWS::SQS::Queue\) is refused: "):
        asyncio.run(world.deploy(template))


DELETED = """
    Resources:
      Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: bucket}}
      Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: topic}}
      Key: {Type: AWS::ApiGateway::ApiKey, Properties: {Enabled: true}}
      Table:
        Type: AWS::DynamoDB::Table
        Properties:
          TableName: table
          BillingMode: PAY_PER_REQUEST
          AttributeDefinitions: [{AttributeName: PK, AttributeType: S}]
          KeySchema: [{AttributeName: PK, KeyType: HASH}]
          DeletionProtectionEnabled: true
"""


def test_what_a_test_has_deleted_itself_is_as_good_as_deleted_and_what_is_protected_goes_too(world):
    async def scenario():
        application = await world.deploy(DELETED)
        ask = world.services.transport
        assert (await ask("DELETE", "http://s3/bucket", {}, b"", service="s3"))[0] == 204
        form = {"content-type": "application/x-www-form-urlencoded"}
        body = f"Action=DeleteTopic&TopicArn={application.physical_ids['Topic']}".encode()
        assert (await ask("POST", "http://x/", form, body, service="sns"))[0] == 200
        assert (await ask("DELETE", f"http://x/apikeys/{application.physical_ids['Key']}", {}, b"", service="apigateway"))[0] < 300
        await application.delete()
        return await world.names("dynamodb", "ListTables", "TableNames")

    assert asyncio.run(scenario()) == []


def test_why_a_deployment_failed_is_told_though_not_all_can_be_undone(world, caplog):
    template = """
        Resources:
          Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: queue}}
          Thing:
            Type: Custom::Thing
            DependsOn: Queue
            Properties: {ServiceToken: 'arn:aws:lambda:us-east-1:123456789012:function:maker'}
          Wrong: {Type: AWS::SQS::Queue, DependsOn: Thing, Properties: {QueueName: !GetAtt Queue.Colour}}
    """

    def maker(event, _context):
        status = "SUCCESS" if event["RequestType"] == "Create" else "FAILED"
        answer = json.dumps({"Status": status, "Reason": "it sticks", "PhysicalResourceId": "thing"}).encode()
        path = event["ResponseURL"].removeprefix("http://127.0.0.1:4321")
        asyncio.run(world.services.transport("PUT", f"http://x{path}", {}, answer))

    world.services.lambda_service.register("maker", maker)

    with pytest.raises(SettingsError, match="the resource Queue has no attribute Colour"):
        asyncio.run(world.deploy(template))
    assert "what the stack app had made is not all deleted: the custom resource Thing failed: it sticks" in caplog.text


@pytest.mark.parametrize(
    ("resource", "text"),
    [
        (
            "{Type: AWS::S3::Bucket, Properties: {NotificationConfiguration: {Wrong: []}}}",
            "the resource X has NotificationConfiguration.Wrong",
        ),
        (
            "{Type: AWS::S3::Bucket, Properties: {NotificationConfiguration: "
            "{QueueConfigurations: [{Event: 's3:ObjectCreated:*', Queue: nowhere}]}}}",
            "the resource X (AWS::S3::Bucket) is refused",
        ),
        (
            "{Type: AWS::Events::Rule, Properties: "
            "{EventPattern: {source: [a]}, Targets: [{Id: q, Arn: 'arn:aws:sqs:us-east-1:1:q.fifo'}]}}",
            "SqsParameters must be specified",
        ),
        ("{Type: AWS::SNS::Topic, Properties: {Subscription: [{Protocol: sqs}]}}", "the resource X (AWS::SNS::Topic) lacks 'Endpoint'"),
        ("{Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: HTTP, Target: 'https://a.example'}}", "no integration with a function"),
    ],
    ids=["notification", "notified queue", "target", "subscription", "quick create"],
)
def test_of_a_resource_that_fails_half_way_nothing_is_left(world, resource, text):
    async def scenario():
        with pytest.raises((ServiceError, SettingsError, UnsupportedFeature)) as caught:
            await world.deploy(f"Resources: {{X: {resource}}}")
        assert text in str(caught.value)
        buckets = (await world.services.transport("GET", "http://s3/", {}, b"", service="s3"))[2]
        topics = (await world.services.transport("GET", "http://x/?Action=ListTopics", {}, b"", service="sns"))[2]
        return b"<Name>" in buckets, b"<TopicArn>" in topics, await world.names("events", "ListRules", "Rules")

    assert asyncio.run(scenario()) == (False, False, [])
    assert world.services.api_gateway.apis == {}


def test_a_target_that_gets_no_events_here_is_told_of(world, caplog):
    template = """
        Resources:
          Group: {Type: AWS::Logs::LogGroup}
          Rule:
            Type: AWS::Events::Rule
            Properties:
              EventPattern: {source: [shop]}
              Targets:
                - {Id: log, Arn: !GetAtt Group.Arn}
                - {Id: stream, Arn: 'arn:aws:kinesis:us-east-1:123456789012:stream/orders'}
    """

    asyncio.run(world.deploy(template))

    [told] = [record.getMessage() for record in caplog.records if record.name == "stepstack.embedded"]
    assert told.startswith("the resource Rule sends events to arn:aws:kinesis:us-east-1:123456789012:stream/orders, where none arrive")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"Resources:\n  A: &a\n    Type: X\n    Properties: {b: *a}\n", "nested deeper than 200"),
        (
            b"a: &a [1]\n" + b"".join(b"%c: &%c [*%c, *%c, *%c, *%c]\n" % ((i + 1, i + 1) + (i,) * 4) for i in range(97, 110)),
            "its aliases counted",
        ),
        (b"Resources: {A: " + b"[" * 5000 + b"}", "nested too deeply"),
        (b"\xff\xfe\xfa", "cannot be read"),
    ],
    ids=["a circle", "doubled", "deep", "no text"],
)
def test_a_template_that_would_never_be_read_is_refused_in_words(tmp_path, content, text):
    path = tmp_path / "template.yaml"
    path.write_bytes(content)

    with pytest.raises(SettingsError, match=text):
        load_template(path)
