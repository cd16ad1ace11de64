"""Check before a release that tag, version and changelog agree, and that no address is a placeholder."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def find_problems(tag: str, project: str, changelog: str) -> Iterator[str]:
    """Yield what is wrong with a release *tag* of the files *project* and *changelog*."""
    version = tomllib.loads(project)["project"]["version"]
    if tag != f"v{version}":
        yield f"the tag is {tag}, the version in pyproject.toml is {version}"
    if not re.search(rf"^## \[?{re.escape(version)}\]? \(\d{{4}}-\d\d-\d\d\)$", changelog, re.MULTILINE):
        yield f"CHANGELOG.md has no heading '## {version} (YYYY-MM-DD)'"
    if "/OWNER/" in project:
        yield "pyproject.toml still names OWNER instead of the owner of the repository"


def main(tag: str) -> int:
    """Print the problems, and return the exit code."""
    texts = [(ROOT / name).read_text("utf-8") for name in ("pyproject.toml", "CHANGELOG.md")]
    problems = list(find_problems(tag, *texts))
    print("\n".join(problems) or f"{tag} can be released")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
