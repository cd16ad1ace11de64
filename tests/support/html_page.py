"""An HTML page, parsed for tests."""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
#: Elements other than headings whose text is in the outline, each with a prefix.
OUTLINED = {"caption": "table: ", "figcaption": "figure: "}


class Page(HTMLParser):
    """The outline of a page, its words, and its elements with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.outline: list[str] = []
        self._words: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)
        self._words.append(" ")
        if tag in HEADINGS or tag in OUTLINED:
            self.outline.append(OUTLINED.get(tag, f"{tag} "))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" in self._open or "script" in self._open:
            return
        self._words.append(data)
        outlined = [tag for tag in self._open if tag in HEADINGS or tag in OUTLINED]
        if outlined:
            self.outline[-1] = " ".join(f"{self.outline[-1]} {data}".split())

    @property
    def words(self) -> str:
        """The visible text, with single spaces."""
        return " ".join("".join(self._words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements named *tag*."""
        return [attributes for name, attributes in self.elements if name == tag]
