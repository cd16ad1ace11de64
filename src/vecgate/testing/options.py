"""The options of the pytest plugin. Imports nothing heavy: it is loaded into every run of every user."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

#: Option to its help; those in FLAGS take no value.
OPTIONS = {
    "target": "local, moto, aws, a URL, or a TOML file that describes a target [env: VECGATE_TARGET]",
    "region": "AWS region",
    "profile": "profile of the AWS configuration",
    "ca-bundle": "file with certificates to trust",
    "no-verify": "accept any certificate",
    "bucket-prefix": "start of the name of each bucket that is made (default: vg)",
    "yes": "real AWS may be used, and charged for",
    "level": "conformance: quick or full (default: full)",
    "quota": "conformance: also test the documented request rates",
    "hypothesis": "conformance: profile of Hypothesis: quick, ci or deep",
    "shuffle": "conformance: run in an order drawn from this seed",
    "rerun-failed": "conformance: only what failed in this result stream",
    "deviations": "conformance: file that lists where the target is known to differ",
    "catalogue": "conformance: write the requirements as JSON to this file",
    "results": "conformance: write the result stream to this file",
}
FLAGS = frozenset({"no-verify", "yes", "quota"})
DEFAULT_PREFIX = "vg"
#: Short enough for the id of the run, the worker and a number after it.
PREFIX = re.compile("[a-z0-9][a-z0-9-]{0,35}")


def add_options(parser: pytest.Parser) -> None:
    """Add the options to *parser*, and an ini setting for each."""
    group = parser.getgroup("vecgate", "S3 Vectors")
    for name, help_ in OPTIONS.items():
        setting = f"vecgate_{name.replace('-', '_')}"
        if name in FLAGS:
            group.addoption(f"--vecgate-{name}", default=None, help=help_, action="store_true")
            parser.addini(setting, help_, type="bool", default=False)
        else:
            group.addoption(f"--vecgate-{name}", default=None, help=help_, metavar=name.upper())
            parser.addini(setting, help_, type="string", default="")


def option(config: pytest.Config, name: str) -> Any:  # noqa: ANN401 - text, or a flag
    """What the command line says for *name*, else the ini file; empty or False where neither does."""
    given = config.getoption(f"vecgate_{name.replace('-', '_')}", default=None)
    if given is None:
        given = config.getini(f"vecgate_{name.replace('-', '_')}")
    return given or (False if name in FLAGS else "")


def prefix_of(config: pytest.Config) -> str:
    """The start of the name of each bucket that is made."""
    prefix = str(option(config, "bucket-prefix") or DEFAULT_PREFIX)
    if not PREFIX.fullmatch(prefix):
        # The command line reads OPTIONS where pytest may not be installed.
        import pytest  # noqa: PLC0415 - as above

        raise pytest.UsageError(
            f"{prefix!r} starts no bucket name: up to 36 lower-case letters, digits and inner hyphens"
        )
    return prefix
