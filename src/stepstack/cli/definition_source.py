"""Which state machine a command is about: a file's, or one of those that a template has.

Called by the subcommands that read definitions. A definition's own placeholders are filled in by `--substitution`, a template's parameters
by `--parameter`. Left out: standard input, which has no folder and no template beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stepstack.errors import SettingsError

if TYPE_CHECKING:
    from stepstack.testing.definitions import Definition

__all__ = ["add_source_options", "definition_in", "filled_in", "named_values", "piped_definition", "refuse_template_options"]


def add_source_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--resource", metavar="ID", help="which state machine of a template, by its logical id")
    parser.add_argument("--parameter", metavar="NAME=VALUE", action="append", default=[], help="a parameter of the template")
    parser.add_argument("--substitution", metavar="NAME=VALUE", action="append", default=[], help="what a placeholder ${NAME} stands for")


def definition_in(file: str | Path, arguments: argparse.Namespace, resource: str | None = None) -> Definition:
    """The definition in `file`, as the options of `add_source_options` say; of a template, that of `resource` where one is given."""
    from stepstack.testing.definitions import read_definition

    return read_definition(
        Path(file),
        resource=resource or arguments.resource,
        parameters=named_values("--parameter", arguments.parameter),
        substitutions=named_values("--substitution", arguments.substitution),
    )


def piped_definition(arguments: argparse.Namespace) -> str:
    """The text of standard input, its placeholders filled in; SettingsError where an option is for a template, which it is none."""
    from stepstack.testing.definitions import definition_text
    from stepstack.testing.files import read_standard_input

    refuse_template_options(arguments, "standard input")
    return definition_text(read_standard_input("a definition"), substitutions=named_values("--substitution", arguments.substitution))


def refuse_template_options(arguments: argparse.Namespace, source: str) -> None:
    """SettingsError where an option is given that is for templates, of which `source` is none."""
    if arguments.resource or arguments.parameter:
        raise SettingsError(f"--resource and --parameter are for templates, and {source} is none")


def filled_in(definition: Definition) -> str:
    """The definition's text; SettingsError where a Resource is a placeholder still, so that nothing could be called."""
    from stepstack.language.placeholders import unfilled_resources

    names = unfilled_resources(definition.text)
    if names:
        raise SettingsError(f"the definition has placeholders that are not filled in: {', '.join(names)}; say --substitution NAME=VALUE")
    return definition.text


def named_values(option: str, pairs: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` words as a mapping; SettingsError where one is none."""
    values = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise SettingsError(f"{option} is {pair!r}: NAME=VALUE is needed")
        values[name] = value
    return values
