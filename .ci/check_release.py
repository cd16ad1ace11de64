"""Check before a release: tag, version and changelog agree, no address is a placeholder, and the
base image of the container is pinned.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: The owner of the repository, until RELEASING.md is followed. In two parts, so that this file is not found.
PLACEHOLDER = "OWNER" + "/vecgate"
#: Where people and programs write; other folders at the top are made by tools.
FOLDERS = ("src", "conformance", "tests", "loadtests", "docs", ".ci", ".github")
PINNED = re.compile(r"^ARG BASE=\S+@sha256:[0-9a-f]{64}$", re.MULTILINE)


def find_problems(tag: str, project: str, changelog: str, containerfile: str) -> Iterator[str]:
    """Yield what is wrong with a release *tag* of the files *project*, *changelog* and *containerfile*."""
    version = tomllib.loads(project)["project"]["version"]
    if tag != f"v{version}":
        yield f"the tag is {tag}, the version in pyproject.toml is {version}"
    if not re.search(rf"^## \[?{re.escape(version)}\]? \(\d{{4}}-\d\d-\d\d\)$", changelog, re.MULTILINE):
        yield f"CHANGELOG.md has no heading '## {version} (YYYY-MM-DD)'"
    if not PINNED.search(containerfile):
        yield "Containerfile has a BASE without a digest"


def text_files() -> Iterator[tuple[str, str]]:
    """Yield name and content of each text file of the repository."""
    inner = (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*")))
    for path in (*sorted(ROOT.iterdir()), *inner):
        if path.is_file() and path.suffix not in {".jsonl", ".pyc"}:
            try:
                yield str(path.relative_to(ROOT)), path.read_text("utf-8")
            except UnicodeDecodeError:
                continue


def main(tag: str) -> int:
    """Print the problems, and return the exit code."""
    names = ("pyproject.toml", "CHANGELOG.md", "Containerfile")
    texts = [(ROOT / name).read_text("utf-8") for name in names]
    unnamed = [f"{name} has {PLACEHOLDER}" for name, text in text_files() if PLACEHOLDER in text]
    problems = [*find_problems(tag, *texts), *unnamed]
    print("\n".join(problems) or f"{tag} can be released")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
