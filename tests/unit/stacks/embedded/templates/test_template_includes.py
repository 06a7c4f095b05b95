from pathlib import Path

import pytest

from stepstack.errors import SettingsError, UnsupportedFeature
from stepstack.stacks.embedded.templates.template import load_template

INCLUDE = """
    Resources:
      Api:
        Type: AWS::ApiGateway::RestApi
        Properties:
          Body:
            openapi: '3.0'
            Fn::Transform: {{Name: {name}, Parameters: {{Location: {location}}}}}
"""


def body(folder, name="AWS::Include", location="api.yaml", head=""):
    path = folder / "template.yaml"
    path.write_text(head + INCLUDE.format(name=name, location=location))
    return load_template(path).resources["Api"]["Properties"]["Body"]


def test_an_included_file_takes_its_place_with_its_short_tags(tmp_path):
    more = "{'Fn::Transform': {Name: AWS::Include, Parameters: {Location: more.json}}}"
    (tmp_path / "api.yaml").write_text(f"openapi: other\npaths: {{/: {{get: {{uri: !Sub '${{A}}', more: {more}}}}}}}")
    (tmp_path / "more.json").write_text('{"a": 1}')

    assert body(tmp_path) == {"openapi": "3.0", "paths": {"/": {"get": {"uri": {"Fn::Sub": "${A}"}, "more": {"a": 1}}}}}


def test_resources_may_be_included(tmp_path):
    (tmp_path / "more.yaml").write_text("Queue: {Type: AWS::SQS::Queue}")
    include = "'Fn::Transform': {Name: AWS::Include, Parameters: {Location: more.yaml}}"
    (tmp_path / "template.yaml").write_text(f"Resources: {{{include}, Topic: {{Type: AWS::SNS::Topic}}}}")

    assert sorted(load_template(tmp_path / "template.yaml").resources) == ["Queue", "Topic"]


def test_a_parameter_may_say_where_it_is(tmp_path):
    (tmp_path / "api.yaml").write_text("a: 1")

    assert body(tmp_path, location="!Ref File", head="\n    Parameters: {File: {Type: String, Default: ./api.yaml}}")["a"] == 1


@pytest.mark.parametrize(
    ("name", "location", "error", "text"),
    [
        ("Macro", "api.yaml", UnsupportedFeature, "Fn::Transform with Macro"),
        ("AWS::Include", "s3://bucket/api.yaml", UnsupportedFeature, "includes s3://bucket/api.yaml"),
        ("AWS::Include", "nowhere.yaml", SettingsError, "there is no such file"),
        ("AWS::Include", "circle.yaml", SettingsError, "is included by itself"),
        ("AWS::Include", "list.yaml", SettingsError, "holds no object"),
    ],
)
def test_what_cannot_be_included_is_told(tmp_path: Path, name, location, error, text):
    (tmp_path / "circle.yaml").write_text("a: {'Fn::Transform': {Name: AWS::Include, Parameters: {Location: circle.yaml}}}")
    (tmp_path / "list.yaml").write_text("[1]")

    with pytest.raises(error, match=text):
        body(tmp_path, name, location)


@pytest.mark.parametrize(
    ("head", "error", "text"),
    [
        (
            "Transform: [AWS::LanguageExtensions]\nResources: {'Fn::ForEach::Q': [A, [b], {}]}",
            UnsupportedFeature,
            "Fn::ForEach::Q is not supported",
        ),
        ("Transform: MyMacro\nResources: {}", SettingsError, "the transform MyMacro is not supported"),
    ],
)
def test_other_transforms_are_refused_by_name(tmp_path, head, error, text):
    (tmp_path / "template.yaml").write_text(head)

    with pytest.raises(error, match=text):
        load_template(tmp_path / "template.yaml")


def test_language_extensions_need_no_transforming(tmp_path):
    (tmp_path / "template.yaml").write_text("Transform: AWS::LanguageExtensions\nResources: {Q: {Type: AWS::SQS::Queue}}")

    assert list(load_template(tmp_path / "template.yaml").resources) == ["Q"]
