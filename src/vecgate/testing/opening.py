"""From the pytest options to a target that can be sent to, on one process or on many workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.credentials import Credentials

from vecgate.errors import UsageError, VecgateError
from vecgate.results.provenance import new_run
from vecgate.targets.capabilities import Capabilities, declared, probe, unsigned_settings
from vecgate.targets.target import EMBEDDED, Target, TargetChoice, open_target
from vecgate.targets.url import url_target
from vecgate.testing.options import option

#: Where xdist hands a worker what it needs.
WORKER_KEY = "vecgate"
#: Why what is tested only where it is asked for is not: by capability.
UNASKED = {"quota": "request rates are tested only with --quota"}


@dataclass(frozen=True, slots=True)
class Opened:
    """A target that is open, and what is known about it.

    run           id of the run, the same on all workers
    target        where requests go
    capabilities  what it lacks
    """

    run: str
    target: Target
    capabilities: Capabilities


def worker_of(config: pytest.Config) -> str:
    """The name of this worker, `main` where there is only one."""
    given: Mapping[str, Any] = getattr(config, "workerinput", {})
    return str(given.get("workerid", "main"))


def choice_of(config: pytest.Config, environment: Mapping[str, str]) -> TargetChoice:
    """What the options say; a local target where nothing is named."""
    named = option(config, "target") or environment.get("VECGATE_TARGET", "")
    return TargetChoice(
        name=named or "local",
        region=option(config, "region"),
        profile=option(config, "profile"),
        ca_bundle=option(config, "ca-bundle"),
        verify=not option(config, "no-verify"),
    )


@contextmanager
def opened_target(
    config: pytest.Config, environment: Mapping[str, str], *, auth: bool = False, serve: Sequence[str] = ()
) -> Iterator[Target]:
    """The target of the options. Raises pytest.UsageError where it cannot be had."""
    choice = choice_of(config, environment)
    try:
        refuse_unasked_aws(choice, is_asked=bool(option(config, "yes") or option(config, "bucket-prefix")))
        with open_target(choice, environment, auth=auth, serve=serve) as target:
            yield target
    except VecgateError as error:
        raise pytest.UsageError(f"{error} {error.hint}".strip()) from error


def refuse_unasked_aws(choice: TargetChoice, *, is_asked: bool) -> None:
    """Raises UsageError where Amazon is named and nobody has said that it may be charged for."""
    if choice.name == "aws" and not is_asked:
        raise UsageError(
            "real AWS costs money and is not used unasked",
            hint="Say --vecgate-yes, or name what may be made with --vecgate-bucket-prefix.",
        )


@contextmanager
def opened(config: pytest.Config, environment: Mapping[str, str]) -> Iterator[Opened]:
    """The target of the options with what it lacks; on a worker, the one that the controller has opened."""
    handed = getattr(config, "workerinput", {}).get(WORKER_KEY)
    if handed:
        with _joined(handed, config, environment) as joined:
            yield joined
        return
    has_quota = bool(option(config, "quota"))
    serve = ("--quotas", "documented") if has_quota else ()
    with opened_target(config, environment, auth=True, serve=serve) as target:
        unasked = {} if has_quota else UNASKED
        yield Opened(new_run(), target, replace(_capabilities(target), unasked=unasked))


def is_unasked(reason: str) -> bool:
    """Whether *reason* says that something was left out because nobody asked for it."""
    return reason in {f"{name}: {why}" for name, why in UNASKED.items()}


def handed_over(opened: Opened) -> dict[str, Any]:
    """*opened* as a worker takes it: plain values."""
    target = opened.target
    own = target.name in EMBEDDED
    keys = target.credentials.get_frozen_credentials() if own else None
    return {
        "run": opened.run,
        "lacking": dict(opened.capabilities.lacking),
        "unasked": dict(opened.capabilities.unasked),
        "name": target.name if own else "",
        "url": target.endpoint_url if own else "",
        "keys": [keys.access_key, keys.secret_key] if keys else [],
    }


@contextmanager
def _joined(
    handed: Mapping[str, Any], config: pytest.Config, environment: Mapping[str, str]
) -> Iterator[Opened]:
    known = Capabilities(handed["lacking"], handed["unasked"])
    if handed["url"]:
        target = url_target(handed["url"], choice_of(config, environment), environment, name=handed["name"])
        yield Opened(handed["run"], replace(target, credentials=Credentials(*handed["keys"])), known)
        return
    with opened_target(config, environment) as target:
        yield Opened(handed["run"], target, known)


def _capabilities(target: Target) -> Capabilities:
    if target.capabilities is not None:
        return declared(target.capabilities)
    if target.name == "aws":
        return Capabilities({})
    client, unsigned = target.client(), target.client(**unsigned_settings())
    found = probe(client, unsigned)
    client.close()
    unsigned.close()
    return found
