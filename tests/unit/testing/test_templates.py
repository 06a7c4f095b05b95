"""Definitions and functions of templates."""

from __future__ import annotations

import json
import sys

import pytest

from stepstack.errors import SettingsError, UnsupportedFeature
from stepstack.testing.definitions import read_definition
from stepstack.testing.templates import Template

SAM = """
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
Globals:
  Function: {Runtime: python3.12, Timeout: 10}
Resources:
  Orders:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: orders.asl.yaml
      Type: EXPRESS
      DefinitionSubstitutions:
        PayFunctionArn: !GetAtt Pay.Arn
        TableName: !Ref Table
        Topic: !Ref Topic
  Pay:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/pay
      Handler: app.handler
      Environment: {Variables: {TABLE: !Ref Table, N: 5}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties: {TableName: !Sub "orders-${Stage}"}
  Topic:
    Type: AWS::SNS::Topic
"""

ORDERS = """
StartAt: Pay
States:
  Pay: {Type: Task, Resource: "${PayFunctionArn}", Next: Store}
  Store: {Type: Pass, Result: {Table: "${TableName}", Topic: "${Topic}"}, End: true}
"""


@pytest.fixture
def sam(tmp_path):
    (tmp_path / "template.yaml").write_text(SAM)
    (tmp_path / "orders.asl.yaml").write_text(ORDERS)
    (tmp_path / "src" / "pay").mkdir(parents=True)
    return tmp_path / "template.yaml"


@pytest.fixture
def resolved(tmp_path):
    """What a value in a definition becomes, in a template with these further sections."""

    def resolve(value, *, parameters=None, resources=None, **sections):
        properties = {"Definition": {"StartAt": "A", "Value": value}}
        path = tmp_path / "template.json"
        path.write_text(
            json.dumps(
                {
                    **sections,
                    "Resources": {
                        "M": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties},
                        **sections.get("Resources", {}),
                    },
                }
            )
        )
        text = read_definition(path, resource="M", parameters=parameters, resources=resources).text
        return json.loads(text)["Value"]

    return resolve


def test_a_sam_templates_definition_has_its_substitutions_resolved(sam):
    definition = read_definition(sam)

    states = json.loads(definition.text)["States"]
    assert definition.type == "EXPRESS"
    assert states["Pay"]["Resource"] == "arn:aws:lambda:us-east-1:123456789012:function:Pay"
    assert states["Store"]["Result"] == {"Table": "orders-dev", "Topic": "arn:aws:sns:us-east-1:123456789012:Topic"}


def test_a_definition_s_file_that_is_no_text_is_named(sam):
    sam.with_name("orders.asl.yaml").write_bytes(b"StartAt: \xff")

    with pytest.raises(SettingsError, match=r"orders\.asl\.yaml' is no text in UTF-8: line 1 has the byte 0xff"):
        read_definition(sam)


def test_the_test_names_resources_and_parameters(sam):
    states = json.loads(
        read_definition(
            sam, resource="Orders", parameters={"Stage": "test"}, resources={"Pay": "pay-for-test", "Topic.Arn": "arn:other"}
        ).text
    )["States"]

    assert states["Pay"]["Resource"].endswith(":function:pay-for-test")
    assert states["Store"]["Result"] == {"Table": "orders-test", "Topic": "arn:other"}


def test_a_definition_is_read_without_the_library_that_transforms_sam(sam, monkeypatch):
    monkeypatch.setitem(sys.modules, "samtranslator", None)

    assert read_definition(sam).type == "EXPRESS"


def test_a_parameter_that_the_template_does_not_declare_is_refused(sam):
    with pytest.raises(SettingsError, match="has no parameter Stagee; it has Stage"):
        read_definition(sam, parameters={"Stagee": "test"})


def test_a_template_of_json_may_have_any_name_and_tabs(tmp_path):
    path = tmp_path / "app.template"
    definition = json.dumps({"StartAt": "A"})
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": definition}}
    path.write_text(json.dumps({"Resources": {"M": machine}}, indent="\t"))

    assert read_definition(path).text == definition


def test_a_substitution_of_the_test_comes_before_the_templates(sam):
    assert '"Table": "mine"' in read_definition(sam, substitutions={"TableName": "mine"}).text


def test_a_templates_functions_have_folder_handler_and_environment(sam):
    (function,) = Template(sam).functions()

    assert (function.name, function.folder, function.handler, function.timeout_seconds) == (
        "Pay",
        sam.parent / "src" / "pay",
        "app.handler",
        10.0,
    )
    assert function.environment == {"TABLE": "orders-dev", "N": "5"}


def test_a_cdk_template_is_joined_and_its_asset_found(tmp_path):
    definition = {
        "Fn::Join": ["", ['{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:', {"Ref": "AWS::Partition"}, ":states", '"}}}']]
    }
    (tmp_path / "App.template.json").write_text(
        json.dumps(
            {
                "Resources": {
                    "Joined": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": definition}},
                    "Asset": {
                        "Type": "AWS::StepFunctions::StateMachine",
                        "Properties": {"DefinitionS3Location": {"Bucket": {"Fn::Sub": "assets-${AWS::AccountId}"}, "Key": "abc.json"}},
                    },
                }
            }
        )
    )
    (tmp_path / "App.assets.json").write_text(
        json.dumps({"files": {"abc": {"source": {"path": "asset.abc.json"}, "destinations": {"here": {"objectKey": "abc.json"}}}}})
    )
    (tmp_path / "asset.abc.json").write_text('{"StartAt":"B"}')

    assert '"Resource":"arn:aws:states"' in read_definition(tmp_path / "App.template.json", resource="Joined").text
    assert read_definition(tmp_path / "App.template.json", resource="Asset").text == '{"StartAt":"B"}'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "Queue"}, "https://sqs.us-east-1.amazonaws.com/123456789012/Queue"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "arn:aws:sqs:us-east-1:123456789012:Queue"),
        ({"Fn::GetAtt": "Queue.QueueName"}, "Queue"),
        ({"Ref": "Live"}, "arn:aws:lambda:us-east-1:123456789012:function:Pay:live"),
        ({"Fn::Sub": "${Queue.Arn}/${!Kept}/${Stage}"}, "arn:aws:sqs:us-east-1:123456789012:Queue/${Kept}/dev"),
        ({"Fn::Sub": ["${A}-${Stage}", {"A": {"Ref": "Stage"}}]}, "dev-dev"),
        ({"Fn::Select": [1, {"Fn::Split": [",", "a,b,c"]}]}, "b"),
        ({"Fn::Select": ["0", {"Ref": "List"}]}, "x"),
        ({"Ref": "On"}, "true"),
        ({"Fn::If": ["IsDev", 1, 2]}, 1),
        ({"Fn::If": ["IsBig", 1, 2]}, 2),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "Count"]}, 3),
        ({"Fn::ToJsonString": {"a": {"Ref": "Stage"}}}, '{"a":"dev"}'),
        ([1, {"Ref": "AWS::NoValue"}, 2], [1, 2]),
        ({"Kept": 1, "Gone": {"Ref": "AWS::NoValue"}}, {"Kept": 1}),
        ({"Condition": {"Variable": "$.a"}}, {"Condition": {"Variable": "$.a"}}),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_intrinsic_functions_are_resolved(resolved, value, expected):
    sections = {
        "Parameters": {
            "Stage": {"Type": "String", "Default": "dev"},
            "List": {"Type": "CommaDelimitedList", "Default": "x, y"},
            "On": {"Type": "String", "Default": True},
        },
        "Mappings": {"Sizes": {"dev": {"Count": 3}}},
        "Conditions": {
            "IsDev": {"Fn::Equals": [{"Ref": "Stage"}, "dev"]},
            "IsBig": {"Fn::And": [{"Condition": "IsDev"}, {"Fn::Not": [{"Condition": "IsDev"}]}]},
        },
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Pay": {"Type": "AWS::Lambda::Function"},
            "Live": {"Type": "AWS::Lambda::Alias", "Properties": {"FunctionName": {"Ref": "Pay"}, "Name": "live"}},
        },
    }

    assert resolved(value, **sections) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"Ref": "Nobody"}, "refers to 'Nobody', which it does not define"),
        ({"Fn::GetAtt": ["Nobody", "Arn"]}, "refers to 'Nobody'"),
        ({"Ref": "Needed"}, "parameter Needed has no default"),
        ({"Fn::GetAtt": ["Box", "Colour"]}, "Box.Colour of a Custom::Box: give it in resources="),
        ({"Fn::ImportValue": "other-stack"}, "imports 'other-stack'"),
        ({"Fn::Transform": {"Name": "Macro"}}, "uses Fn::Transform"),
        ({"Fn::FindInMap": ["Sizes", "prod", "Count"]}, "mapping Sizes has no prod, Count"),
    ],
    ids=lambda value: json.dumps(value)[:30] if isinstance(value, dict) else "",
)
def test_what_cannot_be_resolved_is_told(resolved, value, message):
    sections = {"Parameters": {"Needed": {"Type": "String"}}, "Mappings": {"Sizes": {}}, "Resources": {"Box": {"Type": "Custom::Box"}}}

    with pytest.raises((SettingsError, UnsupportedFeature)) as refusal:
        resolved(value, **sections)

    assert message in str(refusal.value)


def test_a_template_with_several_state_machines_needs_a_choice(tmp_path):
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": "{}"}}
    (tmp_path / "t.json").write_text(json.dumps({"Resources": {"A": machine, "B": machine}}))

    with pytest.raises(SettingsError, match="has 2 state machines, and none is chosen; it has A, B"):
        read_definition(tmp_path / "t.json")
    with pytest.raises(SettingsError, match="has no state machine 'C'; it has A, B"):
        read_definition(tmp_path / "t.json", resource="C")


def test_parameters_for_a_plain_definition_are_refused(tmp_path):
    (tmp_path / "a.json").write_text('{"StartAt": "A"}')

    with pytest.raises(SettingsError, match=r"are for templates, and a\.json is none"):
        read_definition(tmp_path / "a.json", parameters={"a": 1})
