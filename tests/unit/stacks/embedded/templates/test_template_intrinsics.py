import pytest

from stepstack.errors import SettingsError, UnsupportedFeature
from stepstack.stacks.embedded.templates.template_intrinsics import Intrinsics, needed_resources


class Resources:
    def reference(self, name):
        return {"Table": "people"}[name]

    def attribute(self, name, attribute):
        return {("Table", "Arn"): "arn:table", ("Table", "Stream.Arn"): "arn:stream"}[name, attribute]


@pytest.fixture
def intrinsics():
    return Intrinsics(
        pseudo_parameters={"AWS::Region": "us-east-1"},
        parameters={"Stage": "dev", "Names": ["a", "b"], "Count": "3"},
        mappings={"Sizes": {"dev": {"Memory": 128}}},
        conditions={
            "IsDev": {"Fn::Equals": [{"Ref": "Stage"}, "dev"]},
            "IsProd": {"Fn::Not": [{"Condition": "IsDev"}]},
            "Either": {"Fn::Or": [{"Condition": "IsProd"}, {"Fn::Equals": [1, "1"]}]},
            "Both": {"Fn::And": [{"Condition": "IsDev"}, {"Condition": "IsProd"}]},
        },
        resources=Resources(),
    )


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ({"Ref": "Stage"}, "dev"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "Table"}, "people"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "arn:table"),
        ({"Fn::GetAtt": "Table.Stream.Arn"}, "arn:stream"),
        ({"Fn::Sub": "${Stage}-${Table}-${Table.Arn}-${!Literal}"}, "dev-people-arn:table-${Literal}"),
        ({"Fn::Sub": ["${Own}/${Stage}", {"Own": {"Ref": "Table"}}]}, "people/dev"),
        ({"Fn::Join": ["-", ["x", {"Ref": "Stage"}, 1]]}, "x-dev-1"),
        ({"Fn::Join": [",", {"Ref": "Names"}]}, "a,b"),
        ({"Fn::Select": ["1", {"Fn::Split": ["/", "p/q/r"]}]}, "q"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "Memory"]}, 128),
        ({"Fn::FindInMap": ["Sizes", "prod", "Memory", {"DefaultValue": 1}]}, 1),
        ({"Fn::If": ["IsDev", "yes", "no"]}, "yes"),
        ({"Fn::If": ["Both", "yes", "no"]}, "no"),
        ({"Fn::If": ["Either", "yes", "no"]}, "yes"),
        ({"Fn::Base64": "ab"}, "YWI="),
        ({"Fn::ToJsonString": {"a": {"Ref": "Stage"}}}, '{"a":"dev"}'),
        ({"Fn::Length": {"Ref": "Names"}}, 2),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [{"Ref": "AWS::NoValue"}, 1]}, {"b": [1]}),
        ({"a": {"Fn::If": ["IsProd", 1, {"Ref": "AWS::NoValue"}]}}, {}),
        ({"Ref": "AWS::NoValue"}, None),
        ({"Fn::If": ["IsDev", True, False]}, True),
    ],
    ids=str,
)
def test_values_come_to_what_cloudformation_makes_of_them(intrinsics, value, result):
    assert intrinsics.evaluate(value) == result


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        ({"Ref": "Nowhere"}, SettingsError, "no parameter and no resource Nowhere"),
        ({"Fn::GetAtt": ["Table", "Colour"]}, SettingsError, "Table has no attribute Colour"),
        ({"Fn::If": ["Unknown", 1, 2]}, SettingsError, "no condition Unknown"),
        ({"Fn::FindInMap": ["Sizes", "prod", "Memory"]}, SettingsError, "Sizes has no prod, Memory"),
        ({"Fn::ImportValue": "x"}, UnsupportedFeature, "Fn::ImportValue"),
    ],
    ids=["reference", "attribute", "condition", "map", "function"],
)
def test_what_is_not_there_is_named(intrinsics, value, error, text):
    with pytest.raises(error) as caught:
        intrinsics.evaluate(value)
    assert text in str(caught.value)


def test_the_resources_that_a_value_needs_are_found_wherever_they_stand():
    names = {"A": 1, "B": 1, "C": 1, "D": 1, "E": 1}
    value = {
        "x": [{"Ref": "A"}, {"Ref": "Parameter"}, {"Ref": {"field of a definition": {"Ref": "E"}}}],
        "y": {"Fn::GetAtt": ["B", "Arn"]},
        "z": {"Fn::Sub": ["${C.Arn} ${Own} ${!E}", {"Own": {"Fn::GetAtt": "D.Name"}}]},
    }
    assert sorted(needed_resources(value, names)) == ["A", "B", "C", "D", "E"]
