"""`vecgate serve`: the local endpoint, until it is stopped."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import click

from vecgate.cli.options import FILE, OUTPUT_FILE, OutputFile, complete_from
from vecgate.cli.serve_exports import export_lines, serve_in_background, write_exports
from vecgate.endpoint.local import (
    ACCESS_KEY_VARIABLE,
    ADMIN_TOKEN_VARIABLE,
    DEFAULT_HOST,
    DEFAULT_PORT,
    READY,
    SECRET_KEY_VARIABLE,
)
from vecgate.errors import ConfigError, DirectoryInUse, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from vecgate.endpoint.auth.principals import Principal
    from vecgate.endpoint.gateway import GatewaySettings
    from vecgate.endpoint.http.access_log import AccessLog
    from vecgate.endpoint.http.admin import AdminAccess
    from vecgate.endpoint.http.server import Certificate

STDERR = "-"


def _must_match(pattern: str, form: str) -> Callable[[click.Context, click.Parameter, str], str]:
    """Return a callback that rejects values that do not match *pattern*; *form* describes it."""

    def check(context: click.Context, parameter: click.Parameter, value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise click.BadParameter(f"{value!r} is not {form}", context, parameter)
        return value

    return check


def _complete_preset(
    module: str,
) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Return the completion of an option that takes a preset of *module*, or a TOML file."""

    def get_names() -> list[str]:
        presets = import_module(f"vecgate.endpoint.faults.{module}").PRESETS
        return list(presets)

    return complete_from(get_names, suffix=".toml")


@click.command()
@click.option("--host", default=DEFAULT_HOST, show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(0, 65_535),
    help="Port to listen on; 0 selects a free one.",
)
@click.option(
    "--region",
    default="us-east-1",
    show_default=True,
    callback=_must_match("[a-z0-9-]{1,63}", "a region such as eu-west-1"),
    help="Region in ARNs and signatures.",
)
@click.option(
    "--account",
    default="000000000000",
    show_default=True,
    callback=_must_match("[0-9]{12}", "an account of twelve digits"),
    help="Account in ARNs.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory for the data. Default: in memory.",
)
@click.option(
    "--sync",
    type=click.Choice(["normal", "full"]),
    default="normal",
    show_default=True,
    help="What --data-dir survives: normal, the end of the process; full, a power failure too.",
)
@click.option(
    "--backup",
    type=OUTPUT_FILE,
    metavar="FILE",
    help="Copy the data to the new FILE, verify it, and exit: those of --data-dir, or those of a running "
    "endpoint with --port and --admin-token.",
)
@click.option(
    "--recover",
    is_flag=True,
    help="Open a --data-dir from which acknowledged changes are missing, with those that are left.",
)
@click.option("--no-auth", is_flag=True, help="Accept all requests, signed or not.")
@click.option(
    "--access-key",
    default="",
    envvar=ACCESS_KEY_VARIABLE,
    show_envvar=True,
    help="Accept requests signed with this access key. Default: a random one.",
)
@click.option(
    "--secret-key",
    default="",
    envvar=SECRET_KEY_VARIABLE,
    show_envvar=True,
    help="Secret key that belongs to --access-key.",
)
@click.option(
    "--keys",
    type=FILE,
    help="TOML file of principals and their allowed actions. Only its owner may be able to read it.",
)
@click.option(
    "--admin-token",
    default="",
    envvar=ADMIN_TOKEN_VARIABLE,
    show_envvar=True,
    help="Token of the admin API. Default: a random one.",
)
@click.option("--open-metrics", is_flag=True, help="Show the metrics to every client, without the token.")
@click.option(
    "--remote-metrics",
    is_flag=True,
    help="Show the metrics to clients on other machines that send the admin token.",
)
@click.option(
    "--quotas",
    default="off",
    shell_complete=_complete_preset("quotas"),
    show_default=True,
    help="Request quotas: off, documented, observed, or a TOML file.",
)
@click.option(
    "--latency",
    default="off",
    shell_complete=_complete_preset("latency"),
    show_default=True,
    help="Simulated response times: off, warm, cold, or a TOML file.",
)
@click.option(
    "--inject",
    default="off",
    shell_complete=_complete_preset("injection"),
    show_default=True,
    help="Faults: off, flaky, throttled, failing, lossy, slow, stalling, chaos, soak or a TOML file.",
)
@click.option(
    "--behaviour",
    multiple=True,
    metavar="NAME=VALUE",
    help="Change behaviour that AWS does not document, such as refuses_duplicate_keys=false. Repeatable.",
)
@click.option("--seed", type=int, help="Random seed of faults and latencies.")
@click.option("--certfile", type=FILE, help="PEM file of a certificate, to serve TLS.")
@click.option("--keyfile", type=FILE, help="PEM file of its private key.")
@click.option(
    "--access-log",
    is_flag=False,
    flag_value=STDERR,
    type=OutputFile(),
    metavar="[FILE]",
    help="Log each request as a line of JSON, to FILE or to stderr.",
)
@click.option(
    "--background", is_flag=True, help="Return when the endpoint is ready; it runs until it is killed."
)
@click.option(
    "--env", "is_env", is_flag=True, help="With --background: print only the exports, for eval in a shell."
)
@click.option(
    "--env-file",
    type=OUTPUT_FILE,
    help="Write the exports to this file, for its owner only, once it is ready.",
)
@click.option("--until-stdin-closes", is_flag=True, hidden=True, help="Stop when the parent process exits.")
def serve(
    host: str,
    port: int,
    *,
    region: str,
    account: str,
    data_dir: Path | None,
    sync: Literal["normal", "full"],
    backup: Path | None,
    recover: bool,
    no_auth: bool,
    access_key: str,
    secret_key: str,
    keys: Path | None,
    admin_token: str,
    open_metrics: bool,
    remote_metrics: bool,
    quotas: str,
    latency: str,
    inject: str,
    behaviour: tuple[str, ...],
    seed: int | None,
    certfile: Path | None,
    keyfile: Path | None,
    access_log: str | None,
    background: bool,
    is_env: bool,
    env_file: Path | None,
    until_stdin_closes: bool,
) -> None:
    """Run the local S3 Vectors endpoint until Ctrl-C or SIGTERM.

    \b
    vecgate serve --data-dir data
    eval "$(vecgate serve --background --env)"; …; kill $VECGATE_SERVE_PID
    """  # noqa: D301 - click reads the backspace
    from vecgate.endpoint.behaviour import parse_behaviour
    from vecgate.endpoint.http.server import run_server
    from vecgate.endpoint.storage.sqlite_store import open_state
    from vecgate.endpoint.storage.state import State

    if is_env and not background:
        raise UsageError("--env needs --background", hint="`eval` waits until the command ends.")
    if background:
        serve_in_background(sys.argv[2:], is_env=is_env, env_file=env_file)
        return
    if backup:
        _back_up(backup, data_dir, host, port, admin_token, certfile, recover=recover)
        return
    principals = _read_principals(access_key, secret_key, keys, no_auth=no_auth)
    generated = principals[0] if principals and not access_key and not keys else None
    admin = _build_admin_access(admin_token, open_metrics=open_metrics, remote_metrics=remote_metrics)
    new_state = State(account=account, region=region, behaviour=parse_behaviour(behaviour))
    with (
        _open_log(access_log) as log,
        open_state(data_dir, state=new_state, sync=sync, recover=recover, warn=_warn) as state,
    ):
        run_server(
            host,
            port,
            state=state,
            settings=_build_settings(principals, quotas, latency, inject, seed),
            certificate=_build_certificate(certfile, keyfile),
            log=log,
            admin=admin,
            on_ready=partial(
                announce,
                host=host,
                region=region,
                needs_signature=bool(principals),
                generated=generated,
                generated_token="" if admin_token else admin.token,
                data_dir=data_dir,
                env_file=env_file,
            ),
            until_stdin_closes=until_stdin_closes,
        )


def announce(
    url: str,
    *,
    host: str = DEFAULT_HOST,
    region: str = "us-east-1",
    needs_signature: bool = False,
    generated: Principal | None = None,
    generated_token: str = "",
    data_dir: Path | None = None,
    env_file: Path | None = None,
) -> None:
    """Print the ready line on stdout, and how to use the endpoint on stderr; write the exports to *env_file*.

    A key pair and an admin token that were *generated* for this run are shown, because the user has no other
    way to learn them. Others are never shown.
    """
    from vecgate.loopback import is_loopback

    exports = export_lines(url, region, generated, generated_token, signed=needs_signature)
    if env_file:
        write_exports(env_file, exports)
    click.echo(f"{READY}{url}")
    if not needs_signature and not is_loopback(host):
        click.secho(
            f"WARNING: {url} accepts unsigned requests from other machines: everyone who reaches it can read "
            "and delete all vectors. Leave out --no-auth, or use --host 127.0.0.1.",
            err=True,
            fg="red",
            bold=True,
        )
    lines = [
        *exports,
        f"boto3    boto3.client('s3vectors', endpoint_url='{url}')",
        "AWS CLI  aws s3vectors list-vector-buckets",
        f"vecgate  vecgate put FILE --target {url}",
        f"Requests must be signed for region {region}{'' if generated else ' with the given keys'}."
        if needs_signature
        else "Any credentials and any region are accepted.",
        f"Press Ctrl-C to stop; the data {f'stays in {data_dir}' if data_dir else 'is then lost'}.",
    ]
    click.echo("\n".join(lines), err=True)


def _warn(message: str) -> None:
    click.secho(f"WARNING: {message}", err=True, fg="red", bold=True)


def _back_up(
    file: Path,
    data_dir: Path | None,
    host: str,
    port: int,
    token: str,
    certfile: Path | None,
    *,
    recover: bool,
) -> None:
    """Write a backup of a stopped endpoint, or let a running one do that."""
    from vecgate.endpoint.http.backup_request import request_backup
    from vecgate.endpoint.storage.sqlite_store import DATABASE
    from vecgate.formatting import format_bytes

    if data_dir is None and not token:
        raise UsageError(
            "--backup needs the --data-dir of a stopped endpoint, or the --admin-token of a running one",
            hint="The exports that the endpoint prints at its start contain the token.",
        )
    size: int | None = None
    if data_dir is not None:
        try:
            size = _back_up_stopped(file, data_dir, recover=recover)
        except DirectoryInUse:
            if not token:
                raise
    if size is None:
        size = request_backup(host, port, token, file, certfile=certfile)
    click.echo(
        f"wrote and verified {file} ({format_bytes(size)}); to restore it, put it into an empty directory as "
        f"{DATABASE}"
    )


def _back_up_stopped(file: Path, data_dir: Path, *, recover: bool) -> int:
    from vecgate.endpoint.storage.sqlite_store import DATABASE, open_state

    if not (data_dir / DATABASE).exists():
        raise UsageError(f"there is no {DATABASE} in {data_dir}", hint="Give the --data-dir of an endpoint.")
    with open_state(data_dir, recover=recover, warn=_warn) as state:
        return state.store.back_up(file)


def _read_principals(
    access_key: str, secret_key: str, keys: Path | None, *, no_auth: bool
) -> tuple[Principal, ...]:
    from vecgate.endpoint.auth.principals import create_principal, read_principals

    given = [
        option
        for option, is_given in (
            ("--no-auth", no_auth),
            ("--keys", keys),
            ("--access-key and --secret-key", access_key or secret_key),
        )
        if is_given
    ]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} contradict each other", hint="Give only one of them.")
    if no_auth:
        return ()
    if keys:
        return read_principals(keys)
    if bool(access_key) != bool(secret_key):
        raise UsageError("--access-key and --secret-key belong together", hint="Give both or neither.")
    return (create_principal(access_key, secret_key),)


def _build_admin_access(token: str, *, open_metrics: bool, remote_metrics: bool) -> AdminAccess:
    from vecgate.endpoint.http.admin import AdminAccess

    access = AdminAccess(open_metrics=open_metrics, remote_metrics=remote_metrics)
    return replace(access, token=token) if token else access


def _build_settings(
    principals: tuple[Principal, ...], quotas: str, latency: str, inject: str, seed: int | None
) -> GatewaySettings:
    """Return how to treat requests. Raises ConfigError that lists the problems of all options."""
    from vecgate.endpoint.faults import injection
    from vecgate.endpoint.faults import latency as latencies
    from vecgate.endpoint.faults import quotas as rates
    from vecgate.endpoint.gateway import GatewaySettings
    from vecgate.toml_schema import preset_or_file

    problems: list[ConfigError] = []

    def read_choice(choice: str, presets: Any, read: Any) -> Any:  # noqa: ANN401 - three kinds of settings
        try:
            return preset_or_file(choice, presets, read)
        except ConfigError as error:
            problems.append(error)
            return None

    settings = GatewaySettings(
        principals,
        read_choice(quotas, rates.PRESETS, rates.read_quotas),
        read_choice(latency, latencies.PRESETS, latencies.read_latencies),
        read_choice(inject, injection.PRESETS, injection.read_plan),
    )
    if problems:
        raise ConfigError("; ".join(map(str, problems)), hint=" ".join(each.hint for each in problems))
    return settings if seed is None else settings.with_seed(seed)


def _build_certificate(certfile: Path | None, keyfile: Path | None) -> Certificate | None:
    from vecgate.endpoint.http.server import Certificate

    if certfile and keyfile:
        return Certificate(certfile, keyfile)
    if certfile or keyfile:
        raise UsageError("--certfile and --keyfile belong together", hint="Give both or neither.")
    return None


@contextmanager
def _open_log(destination: str | None) -> Iterator[AccessLog | None]:
    from vecgate.endpoint.http.access_log import AccessLog

    if destination is None:
        yield None
    elif destination == STDERR:
        yield AccessLog(sys.stderr)
    else:
        with _open_for_append(destination) as stream:
            yield AccessLog(stream)


def _open_for_append(path: str) -> IO[str]:
    try:
        # Without a buffer: what a full disk refuses is not written again at the end.
        raw: Any = Path(path).open("ab", buffering=0)  # noqa: SIM115 - closed with its wrapper
        return io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
