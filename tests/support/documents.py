"""The pages of the project as tests read them: lines, fenced blocks, headings, links, and what is marked.

What was measured stands between `<!-- result: FILE… -->` and `<!-- /result -->`, FILE being a committed
result; what a command prints each time alike, between `<!-- output -->` and `<!-- /output -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).parents[2]
PROMPT, GOES_ON = "$ ", "\\"
FENCE = re.compile(r"\s*(`{3,})(\w*)\s*$")
HEADING = re.compile(r"(#{1,6}) (.+?)\s*$")
MARK = re.compile(r"\s*<!-- (?P<end>/?)(?P<kind>result|output)(?:: (?P<files>[^>]+?))? -->\s*$")
COMMENT = re.compile(r"\s*<!--.*-->\s*$")
LINK = re.compile(
    r"\[(?:[^\]\[]|\[[^\]]*\])*\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)|(?:href|src|srcset)=\"([^\"]+)\""
)
CODE = re.compile(r"(`+)(.+?)\1")


@dataclass(frozen=True, slots=True)
class Region:
    """A marked part of a page: *kind* is result or output, *files* are those that it is made of."""

    kind: str
    files: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page.

    block       the line where the fenced block begins that it is in, 0 outside; *language*, of that block
    region      that it is in
    section     anchor of the heading above
    is_frame    it is a fence or a comment, and says nothing itself
    is_command  it is at a prompt, or goes on with what is
    """

    number: int
    text: str
    block: int = 0
    language: str = ""
    region: Region | None = None
    section: str = ""
    is_frame: bool = False
    is_command: bool = False

    @property
    def is_prose(self) -> bool:
        """It is outside of every fenced block."""
        return not self.block and not self.is_frame


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of *page* that begins at *line*."""

    page: str
    line: int
    language: str
    text: str
    region: Region | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Page:
    """A page; *name* is its path from the root of the project."""

    name: str
    text: str

    @classmethod
    def read(cls, path: Path) -> Page:
        """The page at *path*."""
        return cls(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Its lines. Raises ValueError where a mark or a fence has no end."""
        return tuple(_lines(self.name, self.text))

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Its fenced blocks."""
        inside = [line for line in self.lines if line.block and not line.is_frame]
        found = [(number, list(lines)) for number, lines in groupby(inside, lambda line: line.block)]
        return tuple(
            Block(self.name, number, lines[0].language, _joined(lines), lines[0].region)
            for number, lines in found
        )

    @cached_property
    def anchors(self) -> frozenset[str]:
        """What may stand behind # in a link to it, as GitHub makes it of headings."""
        headings = [HEADING.match(line.text) for line in self.lines if line.is_prose]
        found: list[str] = []
        for match in filter(None, headings):
            slug = slug_of(match[2])
            times = sum(
                each == slug or re.fullmatch(rf"{re.escape(slug)}-\d+", each) is not None for each in found
            )
            found.append(f"{slug}-{times}" if slug in found else slug)
        return frozenset(found)

    @cached_property
    def links(self) -> tuple[tuple[int, str], ...]:
        """Line and target of each link."""
        prose = [(line.number, CODE.sub("", line.text)) for line in self.lines if line.is_prose]
        return tuple(
            (number, match[1] or match[2]) for number, text in prose for match in LINK.finditer(text)
        )

    @cached_property
    def code(self) -> tuple[tuple[int, str], ...]:
        """Line and text of what stands between backticks in the prose, also where it wraps."""
        prose = "\n".join(line.text if line.is_prose else "" for line in self.lines)
        return tuple(
            (prose.count("\n", 0, match.start()) + 1, " ".join(match[2].split()))
            for match in re.finditer(CODE.pattern, prose, re.DOTALL)
            if "\n\n" not in match[2]
        )

    def with_lines(self, replaced: Callable[[Sequence[Line]], Sequence[str]]) -> Page:
        """The page with each marked region as *replaced* makes it."""
        made: list[str] = []
        for region, lines in groupby(self.lines, lambda line: line.region):
            known = list(lines)
            made += replaced(known) if region else [line.text for line in known]
        return Page(self.name, "\n".join(made) + "\n")


def pages() -> list[Page]:
    """Every page for people."""
    folders = ("docs", "loadtests", "conformance", "reports")
    paths = [*ROOT.glob("*.md"), *(path for folder in folders for path in (ROOT / folder).rglob("*.md"))]
    return [Page.read(path) for path in sorted(paths)]


def documentation() -> list[Page]:
    """README and docs: where all that users can say must be explained."""
    return [page for page in pages() if page.name == "README.md" or page.name.startswith("docs/")]


def slug_of(heading: str) -> str:
    """The anchor that GitHub makes of *heading*."""
    shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")


def commands_in(lines: Iterable[Line]) -> Iterator[tuple[int, str]]:
    """Line and text of each command at a prompt, without that; one that goes on in other lines is joined."""
    text, begun = "", 0
    for line in lines:
        if line.is_command:
            begun = begun or line.number
            text += line.text.removeprefix(PROMPT).removesuffix(GOES_ON)
            if not line.text.endswith(GOES_ON):
                yield begun, text
                text, begun = "", 0


def target_of(page: Page, link: str) -> tuple[Path, str]:
    """The file and the anchor that *link* on *page* leads to."""
    path, _, anchor = link.partition("#")
    here = ROOT / page.name
    return (here.parent / unquote(path)).resolve() if path else here, unquote(anchor)


def _joined(lines: Sequence[Line]) -> str:
    return "".join(f"{line.text}\n" for line in lines)


def _lines(name: str, text: str) -> Iterator[Line]:
    fence, block, language, section = "", 0, "", ""
    region: Region | None = None
    goes_on = False
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        match = FENCE.match(line)
        if match and (not fence or (match[1] == fence and not match[2])):
            block, language = (0, "") if fence else (number, match[2])
            fence = "" if fence else match[1]
            yield Line(number, line, number, language, region, section, is_frame=True)
        elif not fence and (mark := MARK.match(line)):
            region = _region(name, number, mark, region)
            yield Line(number, line, section=section, is_frame=True)
        else:
            if not fence and (heading := HEADING.match(line)):
                section = slug_of(heading[2])
            is_comment = not fence and COMMENT.match(line) is not None
            is_command = bool(fence) and (line.startswith(PROMPT) or goes_on)
            goes_on = is_command and line.endswith(GOES_ON)
            yield Line(number, line, block, language, region, section, is_comment, is_command)
    if fence or region:
        raise ValueError(f"{name}: {'a block' if fence else f'the mark of line {region.line}'} has no end")  # type: ignore[union-attr]


def _region(name: str, number: int, mark: re.Match[str], open_: Region | None) -> Region | None:
    is_end = bool(mark["end"])
    if is_end is (open_ is None) or (is_end and open_ and mark["kind"] != open_.kind):
        raise ValueError(f"{name}:{number}: {mark[0].strip()} does not belong here")
    files = tuple((mark["files"] or "").split())
    if not is_end and bool(files) is (mark["kind"] == "output"):
        raise ValueError(f"{name}:{number}: a result names its files, an output has none")
    return None if is_end else Region(mark["kind"], files, number)
