"""Files that somebody names: each refusal says what is wrong, where, and what there is instead."""

from __future__ import annotations

import os

import pytest

from stepstack.errors import SettingsError
from stepstack.testing.files import find_file, read_text


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("orders.json", "prices.asl.json", "template.yaml", "z.yml"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    return tmp_path


def refusal(source, *folders):
    with pytest.raises(SettingsError) as refused:
        read_text(source, "a definition", folders)
    return str(refused.value)


def test_a_file_is_found_in_the_first_folder_that_has_it(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "orders.json").write_text("[]", encoding="utf-8")

    assert find_file("orders.json", [other]) == other / "orders.json"
    assert find_file("orders.json") == folder / "orders.json"


def test_a_missing_file_is_told_with_its_folders_and_what_is_like_it(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")

    assert refusal("order.json", other) == f"there is no file 'order.json' (looked for in {other}, {folder}); there is 'orders.json'"


def test_where_nothing_is_like_it_what_there_is_is_told(folder):
    assert refusal("nowhere") == (
        f"there is no file 'nowhere' (looked for in {folder}); there are 'orders.json', 'prices.asl.json', 'template.yaml' and 1 more"
    )


def test_in_a_folder_that_is_not_there_either_nothing_else_can_be_told(folder):
    assert refusal("no/orders.json") == f"there is no file 'no/orders.json' (looked for in {folder / 'no'})"


def test_a_folder_is_told_with_what_is_in_it(folder):
    assert refusal(folder).startswith(f"'{folder}' is a folder, and a file is needed; there are 'orders.json', ")
    assert refusal("empty") == "'empty' is a folder, and a file is needed"


@pytest.mark.parametrize("content", [b"", b" \n\t", b"\xef\xbb\xbf"], ids=["empty", "blank", "a byte order mark alone"])
def test_an_empty_file_says_what_should_be_in_it(folder, content):
    (folder / "orders.json").write_bytes(content)

    assert refusal("orders.json") == "'orders.json' is empty: a definition, in JSON or YAML, is needed"


def test_another_encoding_is_told_with_its_line(folder):
    (folder / "orders.json").write_bytes('{\n"Comment": "Straße"}'.encode("latin-1"))

    assert refusal("orders.json") == "'orders.json' is no text in UTF-8: line 2 has the byte 0xdf; save it as UTF-8"


def test_a_byte_order_mark_is_left_out(folder):
    (folder / "orders.json").write_bytes(b"\xef\xbb\xbf{}")

    assert read_text("orders.json", "a definition") == "{}"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read_is_told(folder):
    (folder / "orders.json").chmod(0)

    assert refusal("orders.json") == "'orders.json' cannot be read: Permission denied; a definition that you may read is needed"
