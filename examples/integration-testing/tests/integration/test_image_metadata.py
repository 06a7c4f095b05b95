"""A PNG that is put into the bucket gets its width and height as metadata."""

from __future__ import annotations

import io

import pytest
from PIL import Image


def png(width, height):
    written = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize("name", ["photo.png", "my photo + more (ü).png"], ids=["plain", "to be quoted"])
def test_width_and_height_are_written_into_the_metadata(system, put_object, eventually, name):
    key = put_object(name, png(3, 7))

    assert eventually(lambda: system.metadata(key)) == {"image_width": "3", "image_height": "7"}


def test_what_else_the_object_says_of_itself_stays(system, put_object, eventually):
    key = put_object("photo.png", png(640, 480), ContentType="image/png", Metadata={"author": "ann"})

    eventually(lambda: "image_width" in system.metadata(key))
    stored = system.s3.get_object(Bucket=system.bucket, Key=key)
    content = stored["Body"].read()
    assert stored["Metadata"]["author"] == "ann"
    assert stored["ContentType"] == "image/png"
    assert content == png(640, 480)


def test_only_what_is_called_png_is_looked_at(system, put_object, eventually):
    other = put_object("photo.txt", png(1, 1))
    last = put_object("photo.png", png(1, 1))

    eventually(lambda: system.metadata(last))
    assert system.metadata(other) == {}
