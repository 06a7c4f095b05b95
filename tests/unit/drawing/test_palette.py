"""Contrast after WCAG 2.2: text 4.5 to 1 (AA), lines and signs 3 to 1, in both schemes."""

from __future__ import annotations

import pytest

from stepstack.drawing.palette import DARK, LIGHT, MARKS

SCHEMES = pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
GROUNDS = ("paper", "inner", "fill")


def luminance(colour):
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def too_weak(colours, pairs, least):
    ratios = {(one, other): round(contrast(colours[one], colours[other]), 2) for one, other in pairs}
    return {pair: ratio for pair, ratio in ratios.items() if ratio < least}


def test_black_on_white_is_twenty_one_to_one():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@SCHEMES
def test_texts_can_be_read(colours):
    pairs = [(text, ground) for text in ("ink", "quiet") for ground in (*GROUNDS, *MARKS)]
    pairs += [(text, ground) for text in ("missed-line", "covered-line", "link") for ground in GROUNDS]
    pairs.append(("paper", "ink"))
    assert too_weak(colours, pairs, 4.5) == {}


@SCHEMES
def test_lines_and_signs_can_be_seen(colours):
    pairs = [(f"{mark}-line", ground) for mark in MARKS for ground in (mark, *GROUNDS)]
    pairs += [(line, ground) for line in ("line", "focus") for ground in (*GROUNDS,)]
    assert too_weak(colours, pairs, 3) == {}


@SCHEMES
def test_the_focus_stands_out_from_the_lines_that_it_replaces(colours):
    """By its width (four pixels for one), and from every fill by its contrast."""
    assert too_weak(colours, [("focus", ground) for ground in (*GROUNDS, *MARKS)], 3) == {}


def test_both_schemes_have_the_same_colours():
    assert LIGHT.keys() == DARK.keys()
