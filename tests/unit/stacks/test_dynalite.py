"""A dynalite of our own, on Node; a few lines stand in for dynalite itself, so that no registry is asked."""

from __future__ import annotations

import shutil

import pytest

from stepstack.errors import StackError
from stepstack.stacks.dynalite import DynaliteProcess
from stepstack.stacks.readiness import problem_of

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")

STAND_IN = """
const http = require('http')
module.exports = (options) => http.createServer((request, response) => {
  response.end(JSON.stringify({ TableNames: [], options }))
})
"""


def with_dynalite(folder, code=STAND_IN):
    package = folder / "node_modules" / "dynalite"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"name": "dynalite", "main": "index.js"}')
    (package / "index.js").write_text(code)
    return folder


@needs_node
def test_it_answers_until_it_is_closed(tmp_path):
    with DynaliteProcess.start(with_dynalite(tmp_path)) as dynalite:
        assert problem_of("dynamodb", dynalite.url) is None

    assert "refused" in problem_of("dynamodb", dynalite.url)


@needs_node
def test_two_run_side_by_side(tmp_path):
    folder = with_dynalite(tmp_path)

    with DynaliteProcess.start(folder) as one, DynaliteProcess.start(folder) as other:
        assert one.url != other.url


@needs_node
def test_what_does_not_start_is_told(tmp_path):
    with pytest.raises(StackError, match=r"dynalite did not start: [^$]*out of levels"):
        DynaliteProcess.start(with_dynalite(tmp_path, "throw new Error('out of levels')"))


def test_a_machine_without_node_is_told(tmp_path):
    with pytest.raises(StackError, match="Node is missing"):
        DynaliteProcess.start(tmp_path, environment={"PATH": str(tmp_path)})
