"""The commands that the documentation names are there, with the options it gives them."""

import re

import click
import pytest
from support.readme import blocks, commands

from kosbert.cli import main


def shown(root):
    return [words for block in blocks(root, "sh") for words in commands(block)]


def test_each_command_of_ours_takes_the_options_it_is_shown_with(root):
    ours = [words[1:] for words in shown(root) if words[:1] == ["kosbert"]]
    assert {"search", "index", "cluster", "encode", "export", "evaluate"} <= {name for name, *_ in ours}
    for name, *arguments in ours:
        command = main.commands[name]
        command.make_parser(click.Context(command)).parse_args(arguments)


def test_an_option_that_is_not_there_is_found():
    command = main.commands["search"]
    with pytest.raises(click.NoSuchOption):
        command.make_parser(click.Context(command)).parse_args(["--topmost", "3"])


def test_each_make_target_that_is_shown_is_there(root):
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = {words[1] for words in shown(root) if words[:1] == ["make"]}
    assert {"benchmark", "test", "demo"} <= named <= targets
