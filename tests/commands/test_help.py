"""What a stranger reads first: the help of `kosbert` and of each of its commands, and what `make` alone says."""

import re
import shlex
import subprocess

import click
import pytest
from support.commands import invoked

from kosbert.cli import main

COMMANDS = sorted(main.commands)


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_a_terminal_and_cuts_no_sentence_short(name):
    lines = invoked(*name.split(), "--help").output.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line.endswith("...") and "Usage:" not in line] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_says_what_it_is_for(name):
    command = main.commands[name]
    assert command.short_help
    options = [one for one in command.params if isinstance(one, click.Option)]
    assert [one.name for one in options if not (one.help and re.search(r"[.\])]$", one.help))] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_each_argument_is_told_of(name):
    command = main.commands[name]
    told = re.sub(r"Usage:.*", "", invoked(name, "--help").output)
    arguments = [one.make_metavar(click.Context(command)) for one in command.params if isinstance(one, click.Argument)]
    assert [one for one in arguments if not re.search(rf"\b{re.escape(one.strip('[].'))}\b", told)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_each_default_is_shown(name):
    command = main.commands[name]
    options = [one for one in command.params if isinstance(one, click.Option) and not one.is_flag]
    shown = {one.name: one.get_help_record(click.Context(command))[1] for one in options}
    assert [
        one.name for one in options if isinstance(one.default, str | int) and "default: " not in shown[one.name]
    ] == []


def test_make_alone_lists_every_target_with_a_line(root):
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    done = subprocess.run(["make", "--no-print-directory"], cwd=root, capture_output=True, text=True, check=True)
    listed = re.findall(r"^make ([a-z-]+) +\S.*$", done.stdout, flags=re.M)
    assert sorted(listed) == sorted(re.search(r"^\.PHONY: (.*)$", makefile, flags=re.M)[1].split())
    assert len(listed) == len(done.stdout.splitlines())


def parsed(example):
    """Parse a command line, and return the command and its parameters; a mistake in it is an error."""
    program, name, *arguments = shlex.split(example)
    assert program == "kosbert"
    return name, main.commands[name].make_context(name, arguments).params


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_ends_with_examples_that_the_command_takes(name):
    examples = (main.commands[name] if name else main).examples
    output = invoked(*name.split(), "--help").output
    assert output.endswith("\nExamples:\n" + "".join(f"  {one}\n" for one in examples))
    names = [parsed(one)[0] for one in examples]
    assert names[0] == name or not name
    assert 1 <= len(names) <= 3


def test_an_example_is_one_line_however_narrow_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    assert f"  {main.commands['search'].examples[0]}\n" in invoked("search", "--help").output
