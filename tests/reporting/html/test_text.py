from __future__ import annotations

import pytest

from vecgate.reporting.html.text import ADDRESS_MAX, pieces, shown, visible, web_address


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\tb\nc\r\n", "a\tb\nc\r\n"),
        ("nul \x00, escape \x1b[31m", "nul \\u0000, escape \\u001b[31m"),
        ("turned \u202egnp.exe", "turned \\u202egnp.exe"),
        ("שלום عربي 漢字 🙂", "שלום عربي 漢字 🙂"),
        ("half \ud800", "half \\ud800"),
    ],
)
def test_what_cannot_be_seen_is_made_visible(text: str, seen: str) -> None:
    """Control characters and marks that turn text around; letters of any script are left alone."""
    assert visible(text) == seen


def test_what_is_endless_is_cut_and_counted() -> None:
    """10,000 characters are too many in one place."""
    assert visible("x" * 10_000) == "x" * 6_000 + "… (4,000 more characters)"
    assert shown(7) == 7


@pytest.mark.parametrize(
    ("text", "found"),
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
        ("https://a.example/" + "x" * ADDRESS_MAX, False),
        ("", False),
    ],
)
def test_only_pages_of_the_web_are_linked(text: str, found: bool) -> None:
    """Anything else is shown, and cannot be followed."""
    assert web_address(text) == (text if found else "")


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
def test_addresses_in_a_sentence_are_found(text: str, parts: list[str]) -> None:
    """Without the bracket or the full stop behind; together the parts are the text."""
    found = list(pieces(text))
    assert [f"={words}" if address else words for words, address in found] == parts
    assert "".join(words for words, _ in found) == text
    assert all(address in {"", words} for words, address in found)
