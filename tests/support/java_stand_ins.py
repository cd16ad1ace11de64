"""Programs named `java`, `javac` and `mvn` that only tests see, in a folder for `PATH`."""

from __future__ import annotations

import sys
from pathlib import Path

#: Prints its version, or serves an empty list of buckets until stdin closes.
JAVA = """
import http.server, os, sys, threading
if "-version" in sys.argv:
    sys.exit(print('openjdk version "{version}" 2025-04-15', file=sys.stderr))
if {fails!r}:
    sys.exit("java.net.BindException: Address already in use")
print("vecgate server ready on http://127.0.0.1:1", flush=True)
sys.stdin.read()
"""
#: Copies a jar into the output directory, and notes the project that it read.
MVN = """
import pathlib, sys
if {fails!r}:
    print("Downloading")
    sys.exit("[ERROR] Could not find artifact a:b:jar:9.9.9")
folder = next(each.partition("=")[2] for each in sys.argv if each.startswith("-DoutputDirectory="))
pathlib.Path(folder).mkdir()
pathlib.Path(folder, "a.jar").touch()
with pathlib.Path({notes!r}).open("a") as notes:
    notes.write(pathlib.Path(sys.argv[sys.argv.index("--file") + 1]).read_text())
"""
JAVAC = """
import pathlib, sys
pathlib.Path(sys.argv[sys.argv.index("-d") + 1]).mkdir()
"""


def write_programs(
    folder: Path, *, version: str = "17.0.15", java_fails: bool = False, mvn_fails: bool = False
) -> Path:
    """Write the programs into *folder*, and return the file in which `mvn` notes the projects it read."""
    notes = folder / "projects.txt"
    bodies = {
        "java": JAVA.format(version=version, fails=java_fails),
        "javac": JAVAC,
        "mvn": MVN.format(fails=mvn_fails, notes=str(notes)),
    }
    for name, body in bodies.items():
        program = folder / name
        program.write_text(f"#!{sys.executable}\n{body}")
        program.chmod(0o755)
    return notes
