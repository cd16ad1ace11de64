from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from vecgate.bulk.core.response_decoding import Vectors
from vecgate.bulk.scan_export import open_sink, redact_page
from vecgate.redaction import MARK, register_secrets

TOKEN = "token-of-this-process"


def page(*texts: str) -> Vectors:
    """Return a page with a record for each text."""
    matrix = np.ones((len(texts), 2), np.float32)
    return Vectors([f"key {text}" for text in texts], matrix, [{"text": text} for text in texts])


def test_credentials_that_a_server_repeats_are_not_exported() -> None:
    """They are counted, so that the command can say that it changed data. Nothing else is changed."""
    register_secrets(TOKEN)
    document = "Authorization: Bearer of-a-document, http://user:password@a.example"
    redacted, found = redact_page(page(f"x-amz-security-token:{TOKEN}", document))
    assert found == 1
    assert redacted.keys == [f"key x-amz-security-token:{MARK}", f"key {document}"]
    assert redacted.metadata == [{"text": f"x-amz-security-token:{MARK}"}, {"text": document}]
    untouched = page(document)
    assert redact_page(untouched) == (untouched, 0)


def test_exported_lines_are_printable_and_mean_the_same(tmp_path: Path) -> None:
    """A terminal that shows the file is not controlled by it."""
    text = "\x1b[2J\x9b\u202e##[error]x\U000e0041"
    with open_sink(tmp_path / "a.jsonl") as sink:
        sink.write(page(text))
    line = (tmp_path / "a.jsonl").read_text()
    assert json.loads(line)["metadata"] == {"text": text}
    assert line.rstrip("\n").isprintable()
    assert "##[" not in line
