"""The evidence of requirements that did not pass, in its parts, as far as a page has room for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent

from markupsafe import escape

from vecgate.results.records import Result

#: In all, for each part, and for each part of what is known to differ, in characters.
ROOM, EACH, EACH_KNOWN = 75_000, 3_000, 400
REPEAT = "\n\nto repeat it\n\n"
_PARTS = re.compile(r"^(request id|request|answer) {2,}", re.MULTILINE)
#: Where the program that repeats a failure ends and the traceback begins.
_TRACE = re.compile(r"\n\n(?=\S+:\d+: )")
_ASSERTED = re.compile(r"^E +(.*)$", re.MULTILINE)
#: Who is shown first when there is no room for all.
ORDER = {"failed": 0, "outgrown": 1, "deviation": 2}


@dataclass(frozen=True, slots=True)
class Detail:
    """The evidence of one requirement.

    sent     the request; *got*, the answer
    said     what the test said of it
    repeat   a program that does it again
    whole    all of it as it was written, where it has no such parts
    """

    sent: str = ""
    got: str = ""
    said: str = ""
    repeat: str = ""
    whole: str = ""


def details_of(results: Sequence[Result]) -> Mapping[str, Detail]:
    """The details that there is room for, by id: what failed first, then one for each reason, then others."""
    found: dict[str, Detail] = {}
    room = ROOM
    for result in sorted((each for each in results if each.detail), key=_rank(results)):
        detail = detail_of(result.detail, is_known=result.outcome == "deviation")
        room -= len(escape(f"{detail.sent}{detail.got}{detail.said}{detail.repeat}{detail.whole}"))
        if room < 0:
            break
        found[result.id] = detail
    return found


def detail_of(text: str, *, is_known: bool = False) -> Detail:
    """*text* in its parts; *is_known*, in short and without the program."""
    limit = EACH_KNOWN if is_known else EACH
    before, _, after = text.partition(REPEAT)
    parts = _parts(before)
    if not parts:
        return Detail(whole=_cut(text, limit))
    program, trace = _split(after)
    said = "\n".join(_ASSERTED.findall(text)) or trace
    sent, got, said = (
        _cut(part, limit) for part in (parts.get("request", ""), parts.get("answer", ""), said)
    )
    is_shown = not is_known and len(program) <= EACH
    return Detail(sent, got, said, program if is_shown else "")


def _rank(results: Sequence[Result]) -> Callable[[Result], tuple[int, bool]]:
    first: dict[str, str] = {}
    for result in results:
        first.setdefault(result.reason, result.id)
    return lambda each: (ORDER.get(each.outcome, len(ORDER)), first[each.reason] != each.id)


def _parts(text: str) -> dict[str, str]:
    """The request and the answer in *text*, by their names."""
    pieces = _PARTS.split(text)
    return {name: _unindented(body) for name, body in zip(pieces[1::2], pieces[2::2], strict=True)}


def _unindented(body: str) -> str:
    first, _, rest = body.strip().partition("\n")
    return f"{first}\n{dedent(rest)}".rstrip()


def _split(text: str) -> tuple[str, str]:
    """The program at the head of *text*, and the traceback after it."""
    found = _TRACE.search(text)
    return (text, "") if found is None else (text[: found.start()], text[found.end() :])


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"
