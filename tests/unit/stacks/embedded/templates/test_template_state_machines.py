import json
from textwrap import dedent

import boto3
import pytest

from stepstack.assembly import Settings, embedded_stack

TEMPLATE = """
    Resources:
      Work: {Type: AWS::StepFunctions::Activity, Properties: {Name: work}}
      Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /machine}}
      Machine:
        Type: AWS::StepFunctions::StateMachine
        Properties:
          StateMachineName: machine
          StateMachineType: EXPRESS
          RoleArn: arn:aws:iam::123456789012:role/r
          LoggingConfiguration:
            Level: ALL
            IncludeExecutionData: 'true'
            Destinations: [{CloudWatchLogsLogGroup: {LogGroupArn: !GetAtt Logs.Arn}}]
          TracingConfiguration: {Enabled: false}
          Tags: [{Key: team, Value: a}]
          DefinitionSubstitutions: {Last: true}
          Definition: {StartAt: P, States: {P: {Type: Pass, Result: {last: '${Last}'}, End: true}}}
      Version:
        Type: AWS::StepFunctions::StateMachineVersion
        Properties:
          StateMachineArn: !Ref Machine
          StateMachineRevisionId: !GetAtt Machine.StateMachineRevisionId
          Description: first
      Live:
        Type: AWS::StepFunctions::StateMachineAlias
        Properties:
          Name: live
          DeploymentPreference: {StateMachineVersionArn: !Ref Version, Type: ALL_AT_ONCE}
      Half:
        Type: AWS::StepFunctions::StateMachineAlias
        Properties: {Name: half, RoutingConfiguration: [{StateMachineVersionArn: !Ref Version, Weight: 100}]}
    Outputs:
      Machine: {Value: !Ref Machine}
      Live: {Value: !Ref Live}
      Half: {Value: !GetAtt Half.Arn}
      Work: {Value: !Ref Work}
"""
SAM = """
    Transform: AWS::Serverless-2016-10-31
    Resources:
      Machine:
        Type: AWS::Serverless::StateMachine
        Properties:
          Type: EXPRESS
          AutoPublishAlias: live
          Definition: {StartAt: P, States: {P: {Type: Pass, End: true}}}
          Events:
            Post: {Type: Api, Properties: {Path: /orders, Method: post}}
            Made: {Type: EventBridgeRule, Properties: {Pattern: {source: [shop]}}}
            Old: {Type: CloudWatchEvent, Properties: {Pattern: {source: [old shop]}}}
            Daily: {Type: Schedule, Properties: {Schedule: rate(1 day), Enabled: false}}
"""


@pytest.fixture(scope="module")
def stack():
    with embedded_stack(Settings.from_environment({})) as made:
        yield made


def client(stack, service):
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    return boto3.client(service, endpoint_url=stack.endpoint_url, config=boto3.session.Config(inject_host_prefix=False), **keys)


def deploy(stack, folder, template, name):
    path = folder / "template.yaml"
    path.write_text(dedent(template))
    return stack.deploy(path, name=name)


def test_a_state_machine_has_its_logs_tags_version_and_aliases(stack, tmp_path):
    application = deploy(stack, tmp_path, TEMPLATE, "machines")
    states = client(stack, "stepfunctions")

    described = states.describe_state_machine(stateMachineArn=application.outputs["Machine"])
    assert (described["loggingConfiguration"]["level"], described["loggingConfiguration"]["includeExecutionData"]) == ("ALL", True)
    assert states.list_tags_for_resource(resourceArn=application.outputs["Machine"])["tags"] == [{"key": "team", "value": "a"}]
    for alias in ("Live", "Half"):
        answer = states.start_sync_execution(stateMachineArn=application.outputs[alias], input="{}")
        assert json.loads(answer["output"]) == {"last": "true"}
    assert states.describe_activity(activityArn=application.outputs["Work"])["name"] == "work"

    stack.run(application.delete())
    assert (states.list_state_machines()["stateMachines"], states.list_activities()["activities"]) == ([], [])


def test_sam_s_state_machine_is_started_by_its_api_and_its_alias(stack, tmp_path):
    application = deploy(stack, tmp_path, SAM, "sam")
    states = client(stack, "stepfunctions")
    api = application.physical_ids["ServerlessRestApi"]

    path = f"/execute-api/{api}/Prod/orders"
    sent = {"content-type": "application/json"}
    status, _, body = stack.run(stack.assembly.services.transport("POST", f"http://x{path}", sent, b'{"id": 7}'))
    assert status == 200
    assert json.loads(body)["executionArn"].startswith("arn:aws:states:us-east-1:123456789012:express:")

    (alias,) = (arn for name, arn in application.physical_ids.items() if name.startswith("MachineAliaslive"))
    assert alias.endswith(":live")
    assert states.start_sync_execution(stateMachineArn=alias, input='{"a":1}')["output"] == '{"a":1}'
    stack.run(application.delete())
