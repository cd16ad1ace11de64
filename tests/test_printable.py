from __future__ import annotations

import json
import re
import unicodedata
from html import unescape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.printable import (
    markdown_block,
    markdown_line,
    markdown_text,
    printable,
    printable_json,
    printable_line,
)

ESCAPES = "\x1b]0;TITLE\x07\x1b[2J\x1b]52;c;cHduZWQ=\x07"
foreign = st.text(
    st.one_of(st.characters(), st.sampled_from("\x1b\r\n\t:#[]`|\u202e\u2028<&*-1.\\ ")), max_size=60
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\tb\nc\r\nd", "a\tb\nc\nd"),
        ("over\rwritten", "over\\u000dwritten"),
        ("\x1b[31mred\x9b0m", "\\u001b[31mred\\u009b0m"),
        ("reversed \u202egnp.exe", "reversed \\u202egnp.exe"),
        ("hidden \U000e0041\u200b\ufeff", "hidden \\udb40\\udc41\\u200b\\ufeff"),
        ("line\u2028break\x85", "line\\u2028break\\u0085"),
        ("half \ud800", "half \\ud800"),
        ("שלום عربي 漢字 👩\u200d💻", "שלום عربي 漢字 👩\u200d💻"),
        ("::error title=x::y", "\\u003a:error title=x::y"),
        ("no\n \t::set-output name=verdict::passed", "no\n \t\\u003a:set-output name=verdict::passed"),
        ("said ##[error]x ##vso[task]", "said \\u0023#[error]x \\u0023#vso[task]"),
        ("tests/a.py::test_b, a :: b, # c, ## d", "tests/a.py::test_b, a :: b, # c, ## d"),
    ],
)
def test_foreign_text_has_no_effect(text: str, expected: str) -> None:
    """Escape sequences, reordering and workflow commands are shown. Letters of any script are unchanged."""
    assert printable(text) == expected


@given(foreign)
def test_printable_text_neither_controls_nor_commands(text: str) -> None:
    """No control character but tab and line feed, and no line that a CI service obeys."""
    found = printable(text)
    assert not [c for c in found if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} and c not in "\t\n"]
    assert not any(line.lstrip().startswith("::") for line in found.split("\n"))
    assert not re.search(r"##[\w.-]*\[", found)
    assert printable(found) == found
    assert not set(printable_line(text)) & {"\n", "\t"}
    assert not printable_line(text).lstrip().startswith("::")


@given(st.dictionaries(foreign, foreign))
@example({"a": "##[error]\u202e\x7f\U000e0041"})
def test_printable_json_means_the_same(value: dict[str, str]) -> None:
    """The escapes are those of JSON."""
    value = {
        k.encode(errors="replace").decode(): v.encode(errors="replace").decode() for k, v in value.items()
    }
    line = printable_json(json.dumps(value, ensure_ascii=False).encode())
    assert json.loads(line) == value
    assert printable(line.decode()) == line.decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b `c` *d*", "a\\|b \\`c\\` \\*d\\*"),
        ("a\\|b", "a\\\\\\|b"),
        ("[x](http://a.example) ![y](z)", "\\[x\\](http://a.example) !\\[y\\](z)"),
        ("<b>&</b>\n# x", "&lt;b&gt;&amp;&lt;/b&gt; # x"),
        (f"{ESCAPES}", "\\\\u001b\\]0;TITLE\\\\u0007\\\\u001b\\[2J\\\\u001b\\]52;c;cHduZWQ=\\\\u0007"),
    ],
)
def test_text_in_markdown_is_no_markup(text: str, expected: str) -> None:
    """Neither a link, nor a cell, nor HTML, nor a second line."""
    assert markdown_line(text) == expected


@pytest.mark.parametrize("start", ["# x", "- x", "+ x", "= x", "1. x", "12) x", "---"])
def test_text_at_the_start_of_a_line_is_no_block(start: str) -> None:
    """A message in a list begins no heading and no other list."""
    assert markdown_text(start).replace("\\", "", 1) == start
    assert not re.match(r"[#+=-]|\d+[.)]", markdown_text(start))
    assert markdown_text("12 vectors, 2026-11-24") == "12 vectors, 2026-11-24"


@pytest.mark.parametrize(
    "text", ["`````\n\n</details>\n\n# heading\n", "a\n\n</pre><script>x</script>", "::error::x", ""]
)
def test_a_block_ends_with_its_own_tag(text: str) -> None:
    """Whatever tags and fences the text has."""
    block = markdown_block(text)
    assert block.startswith("<pre>\n")
    assert block.index("</pre>") == len(block) - len("</pre>")
    assert block.count("<") == 2
    assert unescape(block[6:-7]) == printable(text)
