import asyncio

import pytest

from stepstack.errors import SettingsError, UnsupportedFeature

INNER = """
Parameters: {Name: {Type: String}, Delays: {Type: CommaDelimitedList}}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Name, DelaySeconds: !Select [1, !Ref Delays]}}
Outputs:
  Arn: {Value: !GetAtt Queue.Arn, Export: {Name: !Sub '${Name}-arn'}}
"""
OUTER = """
    Resources:
      Inner:
        Type: AWS::CloudFormation::Stack
        Properties: {TemplateURL: nested/inner.yaml, Parameters: {Name: orders, Delays: [1, 2]}}
    Outputs:
      Arn: {Value: !GetAtt Inner.Outputs.Arn}
      Stack: {Value: !Ref Inner}
"""
SAM = """
    Transform: AWS::Serverless-2016-10-31
    Resources:
      Inner:
        Type: AWS::Serverless::Application
        Properties: {Location: nested/inner.yaml, Parameters: {Name: orders, Delays: '1,2'}}
    Outputs:
      Arn: {Value: !GetAtt Inner.Outputs.Arn}
"""
IMPORTING = """
    Resources:
      Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: t}}
    Outputs:
      Arn: {Value: !ImportValue orders-arn}
"""
ARN = "arn:aws:sqs:us-east-1:123456789012:orders"


@pytest.fixture
def nested(world):
    (world.folder / "nested").mkdir()
    (world.folder / "nested" / "inner.yaml").write_text(INNER)
    return world


@pytest.mark.parametrize("template", [OUTER, SAM], ids=["stack", "sam"])
def test_a_nested_stack_s_outputs_are_attributes_and_it_goes_with_the_outer_one(nested, template):
    async def scenario():
        application = await nested.deploy(template)
        outputs = dict(application.outputs)
        await application.delete()
        return outputs, await nested.services.event_sources.call("sqs", "ListQueues", {}, "us-east-1")

    outputs, queues = asyncio.run(scenario())
    assert outputs["Arn"] == ARN
    assert not queues.get("QueueUrls")


def test_what_one_stack_exports_another_imports_until_it_is_gone(nested):
    async def scenario():
        exporting = await nested.deploy(OUTER, name="exporting")
        importing = await nested.deploy(IMPORTING, name="importing")
        await importing.delete()
        with pytest.raises(SettingsError, match="exports orders-arn already"):
            await nested.deploy(OUTER.replace("Name: orders", "Name: orders"), name="again")
        await exporting.delete()
        with pytest.raises(SettingsError, match="imports orders-arn, which no deployed stack exports"):
            await nested.deploy(IMPORTING, name="importing")
        return importing.outputs

    assert asyncio.run(scenario()) == {"Arn": ARN}


@pytest.mark.parametrize(
    ("old", "new", "error", "text"),
    [
        ("nested/inner.yaml", "https://s3.amazonaws.com/b/inner.yaml", UnsupportedFeature, "has its template at https://s3"),
        ("nested/inner.yaml", "template.yaml", UnsupportedFeature, "deploys the template that it is in"),
        ("nested/inner.yaml", "nested/other.yaml", SettingsError, "does not exist"),
        ("Name: orders, ", "", SettingsError, "the parameter Name has no default"),
    ],
    ids=["in S3", "itself", "nowhere", "parameter"],
)
def test_what_cannot_be_nested_is_told(nested, old, new, error, text):
    with pytest.raises(error, match=text):
        asyncio.run(nested.deploy(OUTER.replace(old, new)))
