"""The SVG: what is drawn, what is told to those who do not see it, what a keyboard reaches."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pytest

from stepstack.drawing import EdgeKind, Highlights, graph_of, svg_text
from stepstack.language import parse

TASK = "arn:aws:lambda:us-east-1:123456789012:function:work"
ITEM = {"StartAt": "Work", "States": {"Work": {"Type": "Task", "Resource": TASK, "End": True}}}
MACHINE = {
    "StartAt": "Check",
    "States": {
        "Check": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "Each"}, {"Variable": "$.n", "NumericEquals": 2, "Next": "Check"}],
            "Default": "Refuse",
        },
        "Each": {"Type": "Map", "ItemProcessor": ITEM, "Catch": [{"ErrorEquals": ["A", "B"], "Next": "Refuse"}], "Next": "Check"},
        "Refuse": {"Type": "Fail", "Error": "No"},
    },
}
SVG = "{http://www.w3.org/2000/svg}"


def drawn(highlights=None, definition=MACHINE, **words):
    text = svg_text(graph_of(parse(json.dumps(definition))), highlights=highlights, **words)
    return ET.fromstring(text)  # noqa: S314 - our own text


def faces(root):
    """What the Tab key reaches, by the state's name."""
    found = {}
    for node in root.iter(f"{SVG}g"):
        if node.get("data-state"):
            found[node.get("data-state")] = next(child for child in node if child.get("class") == "face")
    return found


def test_every_state_is_reached_by_keyboard_and_says_where_it_leads():
    found = faces(drawn())
    assert found.keys() == {"Check", "Each", "Work", "Refuse"}
    assert all(face.get("tabindex") == "0" and face.get("role") == "img" for face in found.values())
    assert found["Check"].get("aria-label") == ("Choice Check, leads to Each (#1 $.n = 1); Check (#2 $.n = 2); Refuse (Default)")
    assert found["Each"].get("aria-label") == "Map Each, leads to Check; Refuse (Catch A, B)"
    assert found["Work"].get("aria-label").endswith("leads to the end")


def test_no_focusable_state_stands_within_another_one():
    for face in faces(drawn()).values():
        assert not [child for child in face.iter() if child is not face and child.get("class") == "face"]


def test_the_drawing_has_a_name_and_a_description_and_hides_its_lines_from_screen_readers():
    root = drawn(title="orders")
    assert (root.get("role"), root.get("aria-label")) == ("group", "orders")
    assert root.find(f"{SVG}title").text == "orders"
    assert root.find(f"{SVG}desc").text.startswith("4 states")
    hidden = {id(child) for group in root.iter(f"{SVG}g") if group.get("aria-hidden") for child in group.iter()}
    assert all(id(path) in hidden for path in root.iter(f"{SVG}path") if "edge" in path.get("class", "").split())


def test_every_line_ends_in_an_arrow_that_points_into_its_state():
    root = drawn()
    boxes = [[float(box.get(name)) for name in ("x", "y", "width", "height")] for box in root.iter(f"{SVG}rect")]
    for arrow in (path for path in root.iter(f"{SVG}path") if path.get("class", "").startswith("arrow")):
        x, y, right, down = map(float, re.findall(r"-?[\d.]+", arrow.get("d"))[:4])
        back = (x + right, y) if abs(right) == 8 else (x, y + down)
        touched = [box for box in boxes if box[0] - 0.2 <= x <= box[0] + box[2] + 0.2 and box[1] - 0.2 <= y <= box[1] + box[3] + 0.2]
        assert touched, "the tip lies on a state"
        inmost = min(touched, key=lambda box: box[2])
        assert not (inmost[0] < back[0] < inmost[0] + inmost[2] and inmost[1] < back[1] < inmost[1] + inmost[3])


def test_marks_have_signs_and_words_beside_their_colours():
    highlights = Highlights(
        nodes={"Check": "partial", "Each": "missed", "Refuse": "failed"},
        edges={("Check", EdgeKind.RULE, 0): "missed"},
        verdicts={("Check", EdgeKind.RULE, 0): "never true"},
        notes={"Check": "entered twice"},
    )
    root = drawn(highlights)
    signs = {group.get("class") for group in root.iter(f"{SVG}g") if group.get("class", "").startswith("sign")}
    assert signs == {"sign partial", "sign missed", "sign failed"}
    assert "never true" in [text.text for text in root.iter(f"{SVG}text")]
    assert faces(root)["Check"].get("aria-label").startswith("Choice Check, partial, entered twice, leads to Each (#1 $.n = 1, never true)")


def test_on_a_page_states_link_to_what_is_told_of_them():
    root = drawn(Highlights(anchors={"Check": "row-1"}))
    link = faces(root)["Check"]
    assert link.tag == f"{SVG}a"
    assert link.get("href") == "#row-1"
    assert [group.get("id") for group in root.iter(f"{SVG}g") if group.get("id")] == ["row-1-drawn"]


def test_only_a_drawing_of_its_own_brings_its_style():
    assert drawn().find(f"{SVG}style") is not None
    assert drawn(is_styled=False).find(f"{SVG}style") is None


@pytest.mark.parametrize("name", ["</svg><script>alert(1)</script>", "\"><img src=x onerror='a'>", "bell \x07 and half \ud800", "&amp;"])
def test_names_are_text_whatever_stands_in_them(name):
    definition = {"StartAt": name, "States": {name: {"Type": "Succeed"}}}
    root = drawn(Highlights(anchors={name: "row-1"}, notes={name: name}), definition, title=name)
    (shown,) = faces(root)
    assert shown == re.sub("[\x07\ud800]", "\ufffd", name)
    assert not list(root.iter(f"{SVG}script"))
    assert not list(root.iter(f"{SVG}img"))


def test_a_name_of_eighty_characters_is_shown_whole():
    name = " ".join(["state"] * 13) + "x"
    texts = [text.text for text in drawn(definition={"StartAt": name, "States": {name: {"Type": "Succeed"}}}).iter(f"{SVG}text")]
    assert name in " ".join(texts)
