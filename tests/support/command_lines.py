"""Checks vecgate command lines on pages against the options that exist. Nothing is run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click

from vecgate.cli.main import COMMANDS, import_command

#: Words that a user replaces.
PLACEHOLDER = re.compile(r"[A-Z][A-Z_]*|.*[|$…].*")
#: Shell operators that end the words of a command.
OPERATOR = re.compile(r"[|&;<>]+")
REDIRECTION = re.compile(r"\d?>+(?:&\d|\s*[\w/.-]+)")
OPTIONAL = re.compile(r"(?<=\s)\[|\](?=\s|$)")


def find_problems(text: str) -> Iterator[str]:
    """Yield the problems of the vecgate commands in *text*."""
    for words in _split_commands(text):
        if words[1] not in COMMANDS:
            yield f"there is no command {words[1]}"
        else:
            try:
                _parse(words[1], words[2:])
            except click.UsageError as error:
                yield error.format_message()


def _split_commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each vecgate command, from its name on; brackets mark optional words."""
    plain = OPTIONAL.sub(" ", REDIRECTION.sub(" ", text))
    lexer = shlex.shlex(plain, posix=True, punctuation_chars="|&;<>")
    lexer.commenters = "#"
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if not OPERATOR.fullmatch(word):
            words.append(word)
            continue
        if "vecgate" in words[:-1]:
            yield words[words.index("vecgate") :]
        words = []


def _parse(name: str, words: list[str]) -> None:
    command = import_command(name)
    if isinstance(command, click.Group) and words:
        name, *words = words
        if name not in command.commands:
            raise click.UsageError(f"there is no command {name}")
        command = command.commands[name]
    context = click.Context(command, info_name=name)
    # Prose may name an option without its value.
    words = [word for word in words if word != "…"] + ["VALUE"] * _needs_value(command, words[-1:])
    values, extra_words, _ = command.make_parser(context).parse_args(words)
    if extra_words:
        raise click.UsageError(f"unexpected arguments: {' '.join(extra_words)}")
    for parameter in command.params:
        if not isinstance(parameter.type, click.Path):
            for value in _literal_values(values.get(parameter.name or "")):
                parameter.type.convert(value, parameter, context)


def _literal_values(value: object) -> list[str]:
    """Return the values given for a parameter, without placeholders."""
    values = value if isinstance(value, list | tuple) else [value]
    return [each for each in values if isinstance(each, str) and not PLACEHOLDER.fullmatch(each)]


def _needs_value(command: click.Command, last: list[str]) -> bool:
    options = [each for each in command.params if isinstance(each, click.Option) and {*each.opts} & {*last}]
    return any(not (option.is_flag or option.count) for option in options)
