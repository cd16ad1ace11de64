"""Write every GitHub workflow that a page of the documentation shows to a folder, so that tools can check it.

A page shows whole workflows, jobs, or steps; what is missing around them is added. `OWNER/vecgate@COMMIT`,
which users replace, becomes an action at a commit.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
#: How a workflow, a job and a step begin. Other YAML is none of GitHub's.
WORKFLOW = re.compile(r"^(?:on|jobs):", re.MULTILINE)
JOB, STEPS = re.compile(r"^\s+runs-on:", re.MULTILINE), re.compile(r"\A\s*- (?:uses|run|name|if):")
PLACEHOLDER, COMMIT = "OWNER/vecgate@COMMIT", f"owner/vecgate@{'0123456789' * 4}"
HEAD = "on:\n  pull_request:\npermissions: {}\n"


def shown_workflows() -> Iterator[tuple[str, str]]:
    """Yield name and text of each workflow on a page."""
    for page in sorted(ROOT.glob("docs/*.md")):
        for number, block in enumerate(BLOCK.findall(page.read_text("utf-8")), start=1):
            if workflow := complete(block):
                yield f"{page.stem}-{number}", workflow.replace(PLACEHOLDER, COMMIT)


def complete(block: str) -> str:
    """Return *block* as a whole workflow; an empty text if it is no part of one."""
    plain = textwrap.dedent(block)
    if WORKFLOW.search(plain):
        head = "" if re.search("^on:", plain, re.MULTILINE) else "on:\n  pull_request:\n"
        head += "" if re.search("^permissions:", plain, re.MULTILINE) else "permissions: {}\n"
        return head + plain
    if JOB.search(plain):
        return f"{HEAD}jobs:\n{textwrap.indent(plain, '  ')}"
    if STEPS.search(plain):
        job = "  job:\n    runs-on: ubuntu-24.04\n    permissions:\n      contents: read\n    steps:\n"
        return f"{HEAD}jobs:\n{job}{textwrap.indent(plain, '      ')}"
    return ""


def main(folder: Path) -> None:
    """Write the workflows to `.github/workflows` in *folder*."""
    target = folder / ".github" / "workflows"
    target.mkdir(parents=True)
    for name, text in shown_workflows():
        (target / f"{name}.yml").write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
