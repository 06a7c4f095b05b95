import json
from textwrap import dedent

import boto3
import pytest

from stepstack.assembly import Settings, embedded_stack
from stepstack.errors import ServiceError

TEMPLATE = """
    Resources:
      Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}
      Function:
        Type: AWS::Lambda::Function
        Properties:
          Handler: index.handler
          Runtime: python3.13
          Role: !GetAtt Role.Arn
          Code: {ZipFile: "def handler(event, context):\\n    return {'Status': 'SUCCEEDED', 'Result': context.function_version}"}
          DurableConfig: {ExecutionTimeout: 60}
      Version:
        Type: AWS::Lambda::Version
        Properties: {FunctionName: !Ref Function, Description: first}
      Live:
        Type: AWS::Lambda::Alias
        Properties: {FunctionName: !Ref Function, FunctionVersion: !GetAtt Version.Version, Name: live}
    Outputs:
      Function: {Value: !Ref Function}
      Version: {Value: !Ref Version}
      Live: {Value: !Ref Live}
"""

SAM = """
    Transform: AWS::Serverless-2016-10-31
    Resources:
      Function:
        Type: AWS::Serverless::Function
        Properties:
          Handler: app.handler
          Runtime: python3.13
          CodeUri: src/
          AutoPublishAlias: live
          DurableConfig: {ExecutionTimeout: 60, RetentionPeriodInDays: 7}
    Outputs:
      Live: {Value: !Ref Function.Alias}
      Version: {Value: !Ref Function.Version}
"""


@pytest.fixture(scope="module")
def stack():
    with embedded_stack(Settings.from_environment({}, scale=0.0)) as running:
        yield running


@pytest.fixture
def client(stack):
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    made = boto3.client("lambda", endpoint_url=stack.endpoint_url, **keys)
    yield made
    made.close()


@pytest.fixture
def deploy(stack, tmp_path):
    """Deploys a template's text beside a folder `src`; its outputs."""
    made = []

    def deploy(text):
        (tmp_path / "template.yaml").write_text(dedent(text))
        (tmp_path / "src").mkdir()
        (tmp_path / "src" / "app.py").write_text("def handler(event, context):\n    return {'Status': 'SUCCEEDED', 'Result': '1'}\n")
        made.append(stack.deploy(tmp_path / "template.yaml"))
        return made[-1].outputs

    yield deploy
    for application in made:
        stack.run(application.delete())


def test_versions_and_aliases_are_deployed(client, deploy):
    outputs = deploy(TEMPLATE)

    assert outputs["Version"].endswith(f":function:{outputs['Function']}:1")
    assert outputs["Live"].endswith(f":function:{outputs['Function']}:live")
    assert client.get_alias(FunctionName=outputs["Function"], Name="live")["FunctionVersion"] == "1"
    answer = client.invoke(FunctionName=outputs["Live"])
    assert (answer["Payload"].read(), answer["ExecutedVersion"]) == (b"1", "1")
    execution = client.get_durable_execution(DurableExecutionArn=answer["DurableExecutionArn"])
    assert (execution["FunctionArn"], execution["Version"]) == (outputs["Version"], "1")


def test_a_durable_function_of_sam_has_its_alias(client, deploy):
    outputs = deploy(SAM)

    assert outputs["Live"].endswith(":live")
    assert outputs["Version"].endswith(":1")
    assert json.loads(client.invoke(FunctionName=outputs["Live"])["Payload"].read()) == 1
    configuration = client.get_function_configuration(FunctionName=outputs["Live"])
    assert configuration["DurableConfig"] == {"ExecutionTimeout": 60, "RetentionPeriodInDays": 7}


def test_a_durable_function_stays_one_and_no_other_becomes_one(stack, client):
    service = stack.assembly.services.lambda_service
    durable = service.register("durable", lambda _event, _context: None, durable={"ExecutionTimeout": 60})
    plain = service.register("plain", lambda _event, _context: None)

    changed = client.update_function_configuration(FunctionName=durable, DurableConfig={"ExecutionTimeout": 90})
    assert changed["DurableConfig"] == {"ExecutionTimeout": 90, "RetentionPeriodInDays": 14}
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="created without it"):
        client.update_function_configuration(FunctionName=plain, DurableConfig={"ExecutionTimeout": 90})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"ExecutionTimeout": 0}, "DurableConfig.ExecutionTimeout is a number from 1 to 31622400, not 0"),
        ({"RetentionPeriodInDays": 91}, "DurableConfig.RetentionPeriodInDays is a number from 1 to 90, not 91"),
        ({"KMSKeyArn": "arn:aws:kms:us-east-1:123456789012:key/a"}, "KMSKeyArn is not supported"),
    ],
    ids=["too short", "kept too long", "encrypted"],
)
def test_a_durable_config_out_of_lambdas_bounds_is_refused(stack, config, message):
    with pytest.raises(ServiceError, match=message):
        stack.assembly.services.lambda_service.register("bad", lambda _event, _context: None, durable=config)
