from __future__ import annotations

import pytest

from vecgate.reporting.html.untrusted_text import (
    CHARACTERS_MAX,
    URL_CHARACTERS_MAX,
    make_visible,
    sanitize,
    split_links,
    web_url,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\tb\nc\r\n", "a\tb\nc\n"),
        ("nul \x00, escape \x1b[31m", "nul \\u0000, escape \\u001b[31m"),
        ("reversed \u202egnp.exe", "reversed \\u202egnp.exe"),
        ("שלום عربي 漢字 🙂", "שלום عربي 漢字 🙂"),
        ("half \ud800", "half \\ud800"),
    ],
)
def test_unprintable_characters_are_escaped(text: str, expected: str) -> None:
    """Control characters and bidirectional overrides. Letters of any script are unchanged."""
    assert make_visible(text) == expected


def test_long_text_is_truncated() -> None:
    """The number of missing characters is shown."""
    assert make_visible("x" * 10_000) == "x" * CHARACTERS_MAX + "… (4,000 more characters)"
    assert sanitize(7) == 7


@pytest.mark.parametrize(
    ("text", "is_url"),
    [
        ("https://a.example/b?c=d#e", True),
        ("http://127.0.0.1:9/", True),
        ("javascript:alert(1)", False),
        ("JavaScript:alert(1)", False),
        ("data:text/html,<script>", False),
        ("//a.example/", False),
        ("https:a.example", False),
        ("https://a.example/ onclick=x", False),
        ("java\nscript:alert(1)", False),
        ("https://[", False),
        ("https://a.example/" + "x" * URL_CHARACTERS_MAX, False),
        ("", False),
    ],
)
def test_only_web_urls_are_links(text: str, is_url: bool) -> None:
    """Other schemes could run code."""
    assert web_url(text) == (text if is_url else "")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Counts from 0. (https://b.example/c)", ["Counts from 0. (", "=https://b.example/c", ")"]),
        (
            "https://a.example/x, http://b.example.",
            ["", "=https://a.example/x", ", ", "=http://b.example", "."],
        ),
        ("javascript:alert(1) at https://", ["javascript:alert(1) at https://"]),
        ("<a href='https://a.example/'>", ["<a href='", "=https://a.example/", "'>"]),
        ("", [""]),
    ],
)
def test_urls_in_a_sentence_are_found(text: str, parts: list[str]) -> None:
    """Without the bracket or full stop after them. Together the parts are the text."""
    found = list(split_links(text))
    assert [f"={words}" if url else words for words, url in found] == parts
    assert "".join(words for words, _ in found) == text
    assert all(url in {"", words} for words, url in found)
