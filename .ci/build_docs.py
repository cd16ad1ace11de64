"""Build the documentation as a site in `.site`, and fail for a page, a link or a heading that does not exist.

The pages in `docs` are written for GitHub as well, so they link to files beside the folder. On the site such
a link leads to the repository.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
SOURCE, PREPARED, SITE = ROOT / "docs", ROOT / ".docs", ROOT / ".site"
#: A link out of the folder of the pages, in Markdown.
OUTSIDE = re.compile(r"(?<=\]\()\.\./([^)\s]+)(?=\))")
BUILD_TIMEOUT_S = 300


def main() -> int:
    """Prepare the pages, build the site, check its links, and return the exit code."""
    repository = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"]
    prepare(SOURCE, PREPARED, f"{repository}/blob/main/")
    shutil.rmtree(SITE, ignore_errors=True)
    program = Path(sys.executable).with_name("zensical")
    command = [str(program), "build", "--clean", "--strict", "--config-file", str(ROOT / "mkdocs.yml")]
    code = subprocess.run(command, check=False, timeout=BUILD_TIMEOUT_S, cwd=ROOT).returncode  # noqa: S603
    problems = list(broken_links(SITE)) if code == 0 else []
    print("\n".join(problems))
    print(f"{len(list(SITE.rglob('*.html')))} pages in {SITE}, {len(problems)} broken links")
    return code or int(bool(problems))


def prepare(source: Path, target: Path, repository: str) -> None:
    """Copy the pages and images of *source* to *target*, with links out of the folder to *repository*."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for path in sorted(source.iterdir()):
        if path.suffix == ".md":
            text = OUTSIDE.sub(lambda match: repository + match[1], path.read_text("utf-8"))
            (target / path.name).write_text(text, "utf-8")
        elif path.suffix in {".png", ".svg"}:
            shutil.copyfile(path, target / path.name)


class _Page(HTMLParser):
    """The ids and the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("id"):
            self.ids.add(values["id"] or "")
        link = values.get("href") if tag in {"a", "link"} else values.get("src")
        if link:
            self.links.append(link)


def broken_links(site: Path) -> Iterator[str]:
    """Yield the links of the pages in *site* that lead to no file or heading of it."""
    pages = {path: _read(path) for path in site.rglob("*.html")}
    for path, page in pages.items():
        for link in page.links if path.name != "404.html" else ():
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            found = Path(os.path.normpath(path.parent / unquote(parts.path))) if parts.path else path
            found = found / "index.html" if found.is_dir() else found
            if not found.exists():
                yield f"{path.name}: {link} does not exist"
            elif parts.fragment and found in pages and unquote(parts.fragment) not in pages[found].ids:
                yield f"{path.name}: {found.name} has no heading #{parts.fragment}"


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text("utf-8"))
    return page


if __name__ == "__main__":
    sys.exit(main())
