"""Command lines of ours as pages show them, held against the options that there are. Nothing is run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib import import_module

import click

from vecgate.cli.main import COMMANDS

#: Words that stand for what users put there.
PLACEHOLDER = re.compile(r"[A-Z][A-Z_]*|.*[|$…].*")
#: What ends the words of a command, for a shell.
END = re.compile(r"[|&;<>]+")
REDIRECTED = re.compile(r"\d?>+(?:&\d|\s*[\w/.-]+)")
OPTIONAL = re.compile(r"(?<=\s)\[|\](?=\s|$)")


def problems_of(text: str) -> Iterator[str]:
    """What is wrong with the commands of ours in *text*."""
    for words in _commands(text):
        if words[1] not in COMMANDS:
            yield f"there is no command {words[1]}"
        else:
            try:
                _parse(words[1], words[2:])
            except click.UsageError as error:
                yield error.format_message()


def _commands(text: str) -> Iterator[list[str]]:
    """The words of each command of ours, up to where a shell ends it; in brackets is what may be missing."""
    lexer = shlex.shlex(OPTIONAL.sub(" ", REDIRECTED.sub(" ", text)), posix=True, punctuation_chars="|&;<>")
    lexer.commenters = "#"
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if not END.fullmatch(word):
            words.append(word)
            continue
        if "vecgate" in words[:-1]:
            yield words[words.index("vecgate") :]
        words = []


def _parse(name: str, words: list[str]) -> None:
    command = getattr(import_module(f"vecgate.cli.{name}"), name)
    context = click.Context(command, info_name=name)
    # An option may be named without its value.
    words = [word for word in words if word != "…"] + ["VALUE"] * _lacks_value(command, words[-1:])
    values, rest, _ = command.make_parser(context).parse_args(words)
    if rest:
        raise click.UsageError(f"there is no place for {' '.join(rest)}")
    for parameter in command.params:
        if not isinstance(parameter.type, click.Path):
            for value in _texts(values.get(parameter.name or "")):
                parameter.type.convert(value, parameter, context)


def _texts(value: object) -> list[str]:
    """What is given for a parameter, without words that stand for something else."""
    given = value if isinstance(value, list | tuple) else [value]
    return [each for each in given if isinstance(each, str) and not PLACEHOLDER.fullmatch(each)]


def _lacks_value(command: click.Command, last: list[str]) -> bool:
    options = [each for each in command.params if isinstance(each, click.Option) and {*each.opts} & {*last}]
    return any(not (option.is_flag or option.count) for option in options)
