"""Options of the pytest plugin. pytest loads this module into every run, so it imports nothing heavy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

#: Help text by option. The options in FLAGS take no value.
OPTIONS = {
    "target": "local, aws, moto, s3mock, local-s3, a URL, or a TOML file [env: VECGATE_TARGET]",
    "region": "AWS region",
    "profile": "profile in the AWS configuration",
    "ca-bundle": "file with the certificates to trust",
    "no-verify": "accept any TLS certificate",
    "bucket-prefix": "prefix of the names of created buckets (default: vg)",
    "yes": "allow requests to real AWS, which cost money",
    "start-limit": "seconds in which a server that vecgate starts must be ready (default: 20; in Java 120)",
    "capture-scope": "how long clients are captured: function (default), class, module, session",
    "level": "conformance: quick or full suite (default: full)",
    "inferred": "conformance: run only the requirements that rest on inference",
    "quota": "conformance: also test the documented request rates",
    "hypothesis": "conformance: Hypothesis profile: quick, ci or deep",
    "shuffle": "conformance: run in a random order with this seed",
    "rerun-failed": "conformance: run only the requirements that failed in this result stream",
    "require-capability": "conformance: capabilities that the target must support, separated by commas",
    "timeout": "conformance: seconds in which a request must be answered (default: 30)",
    "deviations": "conformance: file with the known deviations of the target",
    "catalogue": "conformance: write the requirements as JSON to this file",
    "results": "conformance: write the result stream to this file",
    "evidence": "conformance: record the redacted requests and answers of each requirement in this file",
}
FLAGS = frozenset({"no-verify", "yes", "quota", "inferred"})
CAPTURE_SCOPES = ("function", "class", "module", "session")
DEFAULT_PREFIX = "vg"
DEFAULT_TIMEOUT_S = 30.0
TIMEOUT_MAX_S = 600.0
#: Short enough that the run id, the worker and a number still fit into a bucket name.
PREFIX_PATTERN = re.compile("[a-z0-9][a-z0-9-]{0,35}")


def add_options(parser: pytest.Parser) -> None:
    """Add the options to *parser*, and an ini setting for each of them."""
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
    """Return the value of *name* from the command line, else the ini file, else empty or False."""
    given = config.getoption(f"vecgate_{name.replace('-', '_')}", default=None)
    if given is None:
        given = config.getini(f"vecgate_{name.replace('-', '_')}")
    return given or (False if name in FLAGS else "")


def capture_scope_of(fixture_name: str, config: pytest.Config) -> Any:  # noqa: ANN401 - a name of a scope
    """Return the scope of *fixture_name*. Raises pytest.UsageError if it is not valid."""
    scope = option(config, "capture-scope") or "function"
    if scope not in CAPTURE_SCOPES:
        import pytest  # noqa: PLC0415 - as in `prefix_of`

        raise pytest.UsageError(
            f"{scope!r} is not a scope of {fixture_name}; the scopes are {', '.join(CAPTURE_SCOPES)}"
        )
    return scope


def timeout_of(config: pytest.Config) -> float:
    """Return the seconds in which a request must be answered. Raises pytest.UsageError if it is not valid."""
    return _seconds_of(config, "timeout") or DEFAULT_TIMEOUT_S


def start_limit_of(config: pytest.Config) -> float | None:
    """Return the seconds in which a server must be ready, None for its own limit. Raises pytest.UsageError if
    the option is not valid.
    """
    return _seconds_of(config, "start-limit")


def _seconds_of(config: pytest.Config, name: str) -> float | None:
    text = str(option(config, name))
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= TIMEOUT_MAX_S:
        import pytest  # noqa: PLC0415 - as in `prefix_of`

        raise pytest.UsageError(
            f"--vecgate-{name}: {text!r} is not a time; use more than 0 and at most {TIMEOUT_MAX_S:g} seconds"
        )
    return seconds


def prefix_of(config: pytest.Config) -> str:
    """Return the prefix of the names of created buckets. Raises pytest.UsageError if it is not valid."""
    prefix = str(option(config, "bucket-prefix") or DEFAULT_PREFIX)
    if not PREFIX_PATTERN.fullmatch(prefix):
        # The CLI imports this module, and pytest may not be installed then.
        import pytest  # noqa: PLC0415 - as above

        raise pytest.UsageError(
            f"{prefix!r} cannot start a bucket name; use up to 36 lower-case letters, digits and hyphens, "
            "and start with a letter or digit"
        )
    return prefix
