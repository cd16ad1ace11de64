"""The jars of a Java server: downloaded once by Maven into the user's cache directory, with our launcher.

A folder gets its name only when it is complete, so an interrupted download leaves nothing that could be used.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from vecgate.errors import UsageError
from vecgate.servers.java_programs import (
    COMPILE_TIMEOUT_S,
    DOWNLOAD_TIMEOUT_S,
    find_program,
    run_program,
)

SOURCES = Path(__file__).parent / "java"
POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>vecgate</groupId><artifactId>server</artifactId><version>1</version>
<dependencies><dependency>
<groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>{classifier}
</dependency></dependencies></project>
"""
DOWNLOAD_HINT = "Check that this version exists and that Maven reaches a repository that has it."


@dataclass(frozen=True, slots=True)
class MavenArtifact:
    """A jar in a Maven repository.

    classifier  of a jar with all its dependencies inside; empty for one whose dependencies are needed, too
    sources     our Java classes that are compiled against it
    """

    group: str
    artifact: str
    classifier: str = ""
    sources: Sequence[str] = ("ServerLauncher.java",)

    def pom(self, version: str) -> str:
        """Return a project that depends on *version* of this artifact."""
        inside = (
            f"<classifier>{self.classifier}</classifier>"
            "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
            if self.classifier
            else ""
        )
        return POM.format(group=self.group, artifact=self.artifact, version=version, classifier=inside)


def install_jars(name: str, artifact: MavenArtifact, version: str, environment: Mapping[str, str]) -> Path:
    """Return the folder of *version* of the server *name*: its jars in `lib`, our classes in `classes`.

    Downloads and compiles what is not in the user's cache directory yet. Raises UsageError if a program is
    missing, TargetUnreachable if the download fails.
    """
    cache = platformdirs.user_cache_path("vecgate") / "servers"
    folder = cache / f"{name}-{version}-{_fingerprint(artifact, version)}"
    if folder.is_dir():
        return folder
    programs = {each: find_program(each, environment, needed_by=name) for each in ("mvn", "javac")}
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=cache, prefix=".incomplete-", ignore_cleanup_errors=True
        ) as made:
            _fill(Path(made), name, artifact, version, programs)
            # Another process may have been faster; its folder is as good.
            with suppress(OSError):
                Path(made).rename(folder)
    except OSError as error:
        raise UsageError(f"the jars of {name} cannot be stored in {cache}: {error.strerror}") from error
    if not folder.is_dir():
        raise UsageError(f"the jars of {name} cannot be stored in {folder}")
    return folder


def _fill(
    folder: Path, name: str, artifact: MavenArtifact, version: str, programs: Mapping[str, str]
) -> None:
    pom, lib = folder / "pom.xml", folder / "lib"
    pom.write_text(artifact.pom(version), encoding="utf-8")
    copy = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={lib}"]
    command = [programs["mvn"], "--batch-mode", "--quiet", "-Dstyle.color=never", "--file", str(pom), *copy]
    run_program(command, f"the download of {name} {version}", DOWNLOAD_TIMEOUT_S, hint=DOWNLOAD_HINT)
    sources = [str(SOURCES / each) for each in artifact.sources]
    command = [programs["javac"], "-cp", f"{lib}/*", "-d", str(folder / "classes"), *sources]
    run_program(command, f"javac for {name} {version}", COMPILE_TIMEOUT_S)


def _fingerprint(artifact: MavenArtifact, version: str) -> str:
    """Return a text that changes with what an installation is made of."""
    parts = [artifact.pom(version), *((SOURCES / each).read_text("utf-8") for each in artifact.sources)]
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:8]
