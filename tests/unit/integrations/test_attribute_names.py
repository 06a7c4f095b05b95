import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepstack.integrations.attribute_names import WIRE_NAMES, in_sdk_spelling, in_wire_spelling
from stepstack.integrations.service_model import describe

NAMES = st.one_of(st.text(max_size=3), st.sampled_from([*WIRE_NAMES, *WIRE_NAMES.values()]))
VALUES = st.recursive(
    st.one_of(
        st.builds(lambda text: {"S": text}, st.text(max_size=3)),
        st.builds(lambda number: {"N": str(number)}, st.integers()),
        st.builds(lambda flag: {"BOOL": flag}, st.booleans()),
        st.just({"NULL": True}),
        st.builds(lambda name, items: {name: items}, st.sampled_from(["SS", "NS", "BS"]), st.lists(st.text(max_size=3), max_size=2)),
    ),
    lambda inner: st.one_of(
        st.builds(lambda items: {"L": items}, st.lists(inner, max_size=3)),
        st.builds(lambda items: {"M": items}, st.dictionaries(NAMES, inner, max_size=3)),
    ),
)


@settings(deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=3))
def test_what_is_respelled_both_ways_is_as_it_was(item):
    assert in_wire_spelling(in_sdk_spelling(item)) == item


@settings(deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=3))
def test_what_is_in_dynamodbs_spelling_already_stays_so(item):
    assert in_wire_spelling(item) == item


@settings(deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=3))
def test_every_item_fits_the_shape_of_its_spelling(item):
    operation = describe("dynamodb").operation("PutItem")
    for spelled, is_sdk in ((item, False), (in_sdk_spelling(item), True)):
        assert operation.parameters(is_sdk=is_sdk).problems({"TableName": "t", "Item": spelled}, "Parameters") == []


@pytest.mark.parametrize(
    ("wire", "sdk"),
    [
        ({"a": {"BOOL": True}}, {"a": {"Bool": True}}),
        ({"a": {"L": [{"NULL": True}, {"SS": ["x"]}]}}, {"a": {"L": [{"Nul": True}, {"Ss": ["x"]}]}}),
        ({"BOOL": {"S": "an attribute named so"}}, {"BOOL": {"S": "an attribute named so"}}),
        ({"a": {"M": {"SS": {"L": []}}}}, {"a": {"M": {"SS": {"L": []}}}}),
    ],
)
def test_types_are_spelled_as_the_sdk_does(wire, sdk):
    assert in_sdk_spelling(wire) == sdk
