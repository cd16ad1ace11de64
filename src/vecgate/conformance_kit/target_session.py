"""The target of a pytest run: opened from the plugin's options, in one process or shared by xdist workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.credentials import Credentials

from vecgate.conformance_kit.plugin_options import option, start_limit_of, timeout_of
from vecgate.errors import NotReadyInTime, UsageError, VecgateError
from vecgate.results.provenance import new_run_id
from vecgate.targets.answer_guard import AnswerGuard
from vecgate.targets.capabilities import (
    Capabilities,
    parse_capabilities,
    probe_capabilities,
    unsigned_settings,
)
from vecgate.targets.resolution import open_target
from vecgate.targets.target import Target, TargetChoice, is_embedded
from vecgate.targets.throttle_patience import ThrottlePatience
from vecgate.targets.url_target import target_from_url

#: Key under which xdist passes our values between the controller and a worker.
WORKER_KEY = "vecgate"
#: A probe is a small request. One without an answer in this time is left to the requirements.
PROBE_TIMEOUT_S = 10.0
#: Seconds that the probes together may wait because their rate is limited.
PROBE_PATIENCE_S = 60.0
#: Capabilities that are tested on request only, with the reason that a skipped test shows.
OPT_IN = {"quota": "request rates are tested only with --quota"}


@dataclass(frozen=True, slots=True)
class TargetSession:
    """An open target of a run.

    run           id of the run, the same on all workers
    target        where requests go
    capabilities  the parts of the API that the target does not support, or that are not tested
    """

    run: str
    target: Target
    capabilities: Capabilities


def worker_name(config: pytest.Config) -> str:
    """Return the name of this xdist worker; `main` without xdist."""
    worker_input: Mapping[str, Any] = getattr(config, "workerinput", {})
    return str(worker_input.get("workerid", "main"))


def target_choice(config: pytest.Config, environment: Mapping[str, str]) -> TargetChoice:
    """Return the target that the options name; a local one by default."""
    return TargetChoice(
        name=option(config, "target") or environment.get("VECGATE_TARGET", "") or "local",
        region=option(config, "region"),
        profile=option(config, "profile"),
        ca_bundle=option(config, "ca-bundle"),
        verify=not option(config, "no-verify"),
        start_limit_s=start_limit_of(config),
    )


@contextmanager
def open_target_from_options(
    config: pytest.Config, environment: Mapping[str, str], *, auth: bool = False, serve: Sequence[str] = ()
) -> Iterator[Target]:
    """Open the target of the options. Raises pytest.UsageError if that fails."""
    choice = target_choice(config, environment)
    try:
        require_aws_consent(choice, is_given=bool(option(config, "yes") or option(config, "bucket-prefix")))
        with open_target(choice, environment, auth=auth, serve=serve) as target:
            yield target
    except NotReadyInTime as error:
        raise start_limit_error(error) from error
    except VecgateError as error:
        raise pytest.UsageError(f"{error} {error.hint}".strip()) from error


def start_limit_error(error: NotReadyInTime) -> pytest.UsageError:
    """Return *error* with the option that allows a server more time."""
    return pytest.UsageError(f"{error}; --vecgate-start-limit SECONDS allows it more time")


def require_aws_consent(choice: TargetChoice, *, is_given: bool) -> None:
    """Raise UsageError if the target is AWS and the user has not agreed to its cost."""
    if choice.name == "aws" and not is_given:
        raise UsageError(
            "requests to real AWS cost money and need your consent",
            hint="Add --vecgate-yes, or name a prefix for the created buckets with --vecgate-bucket-prefix.",
        )


@contextmanager
def open_session(config: pytest.Config, environment: Mapping[str, str]) -> Iterator[TargetSession]:
    """Open the target and find out its capabilities. A worker joins the target of its controller."""
    worker_input = getattr(config, "workerinput", {}).get(WORKER_KEY)
    if worker_input:
        with _join_session(worker_input, config, environment) as session:
            yield session
        return
    has_quota = bool(option(config, "quota"))
    serve = ("--quotas", "documented") if has_quota else ()
    with open_target_from_options(config, environment, auth=True, serve=serve) as target:
        not_requested = {} if has_quota else OPT_IN
        capabilities = _capabilities(target, timeout_of(config))
        yield TargetSession(new_run_id(), target, replace(capabilities, not_requested=not_requested))


def required_capabilities_of(config: pytest.Config, target: Target) -> tuple[str, ...]:
    """Return the capabilities that the options and the target file require. Raises pytest.UsageError."""
    try:
        given = parse_capabilities(option(config, "require-capability"))
    except VecgateError as error:
        raise pytest.UsageError(f"{error} {error.hint}") from error
    return tuple(dict.fromkeys((*given, *target.required)))


def is_opt_in_reason(reason: str) -> bool:
    """Return whether a test was skipped because its capability is tested on request only."""
    return reason in {f"{name}: {why}" for name, why in OPT_IN.items()}


def worker_input_of(session: TargetSession) -> dict[str, Any]:
    """Return what a worker needs to join *session*, as plain values."""
    target = session.target
    is_own = is_embedded(target.name)
    keys = target.credentials.get_frozen_credentials() if is_own else None
    return {
        "run": session.run,
        "unsupported": dict(session.capabilities.unsupported),
        "not_requested": dict(session.capabilities.not_requested),
        "name": target.name if is_own else "",
        "url": target.endpoint_url if is_own else "",
        "keys": [keys.access_key, keys.secret_key] if keys else [],
    }


@contextmanager
def _join_session(
    values: Mapping[str, Any], config: pytest.Config, environment: Mapping[str, str]
) -> Iterator[TargetSession]:
    capabilities = Capabilities(values["unsupported"], values["not_requested"])
    if values["url"]:
        choice = target_choice(config, environment)
        target = target_from_url(values["url"], choice, environment, name=values["name"])
        target = replace(target, credentials=Credentials(*values["keys"]))
        yield TargetSession(values["run"], target, capabilities)
        return
    with open_target_from_options(config, environment) as target:
        yield TargetSession(values["run"], target, capabilities)


def _capabilities(target: Target, timeout_s: float) -> Capabilities:
    if target.name == "aws":
        return Capabilities({})
    guard = AnswerGuard(timeout_s=min(timeout_s, PROBE_TIMEOUT_S))
    patience = ThrottlePatience(PROBE_PATIENCE_S)
    with (
        closing(target.client(**guard.client_settings)) as client,
        closing(target.client(**guard.client_settings, **unsigned_settings())) as unsigned,
    ):
        for each in (client, unsigned):
            guard.watch(each)
            patience.watch(each)
        return probe_capabilities(client, unsigned, declared=target.capabilities)
