"""`stepstack graph FILE`: the state machine drawn, as SVG, HTML or Mermaid text."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from stepstack.cli.definition_source import add_source_options, definition_in, piped_definition
from stepstack.errors import SettingsError

DASHES = "Dashed lines lead to where errors are caught."
FORMATS = ("svg", "mermaid", "html")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a definition, JSON or YAML, or a template that has it; - reads standard input")
    add_source_options(parser)
    parser.add_argument("--format", choices=FORMATS, help="default: by the name of the output file, else svg")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write; default: standard output")


def execute(arguments: argparse.Namespace) -> int:
    from stepstack.drawing import graph_of, mermaid_text, svg_text
    from stepstack.drawing.page import figure, page_text
    from stepstack.language import parse
    from stepstack.language.placeholders import with_stand_ins

    is_piped = arguments.file == "-"
    text = piped_definition(arguments) if is_piped else definition_in(arguments.file, arguments).text
    graph = graph_of(parse(with_stand_ins(text)))
    title = "State machine" if is_piped else arguments.resource or Path(arguments.file).name
    chosen = arguments.format or _format_of(arguments.output)
    if chosen == "mermaid":
        drawing = mermaid_text(graph)
    elif chosen == "html":
        drawing = page_text(title, [figure(graph, title, "drawing"), f'<p class="quiet">{DASHES}</p>'])
    else:
        drawing = svg_text(graph, title=title) + "\n"
    if arguments.output is None:
        sys.stdout.write(drawing)
    else:
        try:
            Path(arguments.output).write_text(drawing, encoding="utf-8")
        except OSError as error:
            raise SettingsError(f"the drawing cannot be written to {arguments.output}: {error.strerror}") from error
    return 0


def _format_of(output: str | None) -> str:
    suffix = Path(output).suffix if output else ""
    return {".mmd": "mermaid", ".mermaid": "mermaid", ".html": "html"}.get(suffix, "svg")
