"""The evidence of requirements that did not pass, split into parts and limited to the space of a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent

from markupsafe import escape

from vecgate.results.records import Result

#: Limits in characters: for the whole page, for each part, and for each part of a known deviation.
PAGE_CHARACTERS, PART_CHARACTERS, KNOWN_PART_CHARACTERS = 75_000, 3_000, 400
#: The texts are written by `conformance_kit`. Streams of schema 1 say "to repeat it" and "answer".
_REPRODUCE = re.compile(r"\n\nto (?:reproduce|repeat) it:?\n\n")
_PARTS = re.compile(r"^(request id|request|response|answer) {2,}", re.MULTILINE)
#: End of the program and start of the traceback.
_TRACEBACK = re.compile(r"\n\n(?=\S+:\d+: )")
_ASSERTION = re.compile(r"^E +(.*)$", re.MULTILINE)
#: Outcomes in the order in which their evidence gets space.
PRIORITY = {"failed": 0, "unexpected-pass": 1, "deviation": 2}


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of one requirement.

    request    what was sent
    response   what the target answered
    assertion  what the test expected
    program    code that reproduces the failure
    text       the whole text, if it has none of these parts
    """

    request: str = ""
    response: str = ""
    assertion: str = ""
    program: str = ""
    text: str = ""

    @property
    def escaped_length(self) -> int:
        """Characters that it takes in a page."""
        parts = (self.request, self.response, self.assertion, self.program, self.text)
        return len(escape("".join(parts)))


def select_evidence(results: Sequence[Result]) -> Mapping[str, Evidence]:
    """Return the evidence that fits in a page, by requirement id.

    Failures come first, then the first requirement of each reason, then the others.
    """
    selected: dict[str, Evidence] = {}
    left = PAGE_CHARACTERS
    for result in sorted((each for each in results if each.detail), key=_rank(results)):
        evidence = parse_evidence(result.detail, is_known=result.outcome == "deviation")
        left -= evidence.escaped_length
        if left < 0:
            break
        selected[result.id] = evidence
    return selected


def parse_evidence(text: str, *, is_known: bool = False) -> Evidence:
    """Split *text* into its parts. With *is_known* they are shorter, and the program is left out."""
    limit = KNOWN_PART_CHARACTERS if is_known else PART_CHARACTERS
    exchange, *rest = _REPRODUCE.split(text, maxsplit=1)
    parts = _split_exchange(exchange)
    if not parts:
        return Evidence(text=_truncate(text, limit))
    program, traceback = _split_program("".join(rest))
    assertion = "\n".join(_ASSERTION.findall(text)) or traceback
    is_program_shown = not is_known and len(program) <= PART_CHARACTERS
    return Evidence(
        request=_truncate(parts.get("request", ""), limit),
        response=_truncate(parts.get("response", ""), limit),
        assertion=_truncate(assertion, limit),
        program=program if is_program_shown else "",
    )


def _rank(results: Sequence[Result]) -> Callable[[Result], tuple[int, bool]]:
    first: dict[str, str] = {}
    for result in results:
        first.setdefault(result.reason, result.id)
    return lambda each: (PRIORITY.get(each.outcome, len(PRIORITY)), first[each.reason] != each.id)


def _split_exchange(text: str) -> dict[str, str]:
    """Return the request and the response in *text* by their labels."""
    pieces = _PARTS.split(text)
    labels = (label.replace("answer", "response") for label in pieces[1::2])
    return {label: _dedent(body) for label, body in zip(labels, pieces[2::2], strict=True)}


def _dedent(body: str) -> str:
    first, _, rest = body.strip().partition("\n")
    return f"{first}\n{dedent(rest)}".rstrip()


def _split_program(text: str) -> tuple[str, str]:
    """Split *text* into the program and the traceback after it."""
    match = _TRACEBACK.search(text)
    return (text, "") if match is None else (text[: match.start()], text[match.end() :])


def _truncate(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"
