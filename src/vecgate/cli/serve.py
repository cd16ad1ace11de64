"""`vecgate serve`: the local endpoint, until it is stopped."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import click

from vecgate.endpoint.local import ACCESS_KEY_VARIABLE, DEFAULT_HOST, READY, SECRET_KEY_VARIABLE
from vecgate.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from vecgate.endpoint.access import Principal
    from vecgate.endpoint.access_log import AccessLog
    from vecgate.endpoint.keeper import DoorSettings
    from vecgate.endpoint.server import Certificate

DEFAULT_PORT = 7333
STDERR = "-"
FILE = click.Path(path_type=Path, dir_okay=False)


def _matching(pattern: str, form: str) -> Callable[[click.Context, click.Parameter, str], str]:
    """A check that a value has a form."""

    def check(context: click.Context, parameter: click.Parameter, value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise click.BadParameter(f"{value!r} is not {form}", context, parameter)
        return value

    return check


@click.command()
@click.option("--host", default=DEFAULT_HOST, show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(0, 65_535),
    help="Port to listen on; 0 for any free one.",
)
@click.option(
    "--region",
    default="us-east-1",
    show_default=True,
    callback=_matching("[a-z0-9-]{1,63}", "a region such as eu-west-1"),
    help="The region that it is in.",
)
@click.option(
    "--account",
    default="000000000000",
    show_default=True,
    callback=_matching("[0-9]{12}", "an account of twelve digits"),
    help="The account that it is.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep everything in this directory; without it, in memory.",
)
@click.option(
    "--sync",
    type=click.Choice(["normal", "full"]),
    default="normal",
    show_default=True,
    help="What --data-dir outlives: normal, the end of the process; full, a power cut too.",
)
@click.option("--no-auth", is_flag=True, help="Take any request, signed or not.")
@click.option(
    "--access-key",
    default="",
    envvar=ACCESS_KEY_VARIABLE,
    show_envvar=True,
    help="Take requests of this key, not of one made up.",
)
@click.option(
    "--secret-key", default="", envvar=SECRET_KEY_VARIABLE, show_envvar=True, help="The secret of it."
)
@click.option("--keys", type=FILE, help="Several principals and what each may do, a TOML file.")
@click.option("--quotas", default="off", show_default=True, help="off, documented, observed, or a TOML file.")
@click.option("--latency", default="off", show_default=True, help="off, warm, cold, or a TOML file.")
@click.option(
    "--inject",
    default="off",
    show_default=True,
    help="Faults on purpose: flaky, throttled, failing, lossy, slow, stalling, chaos, soak, or a TOML file.",
)
@click.option(
    "--behaviour",
    multiple=True,
    metavar="NAME=VALUE",
    help="Behave otherwise where no source settles what AWS does, such as refuses_duplicate_keys=false.",
)
@click.option("--seed", type=int, help="Other faults and latencies of the same kind.")
@click.option("--certfile", type=FILE, help="Speak TLS with this certificate, a PEM file.")
@click.option("--keyfile", type=FILE, help="Its private key, a PEM file.")
@click.option(
    "--access-log",
    is_flag=False,
    flag_value=STDERR,
    metavar="[FILE]",
    help="Log each request as a line of JSON, in FILE or on stderr.",
)
@click.option("--until-stdin-closes", is_flag=True, hidden=True, help="Stop when the starter is gone.")
def serve(
    host: str,
    port: int,
    *,
    region: str,
    account: str,
    data_dir: Path | None,
    sync: Literal["normal", "full"],
    no_auth: bool,
    access_key: str,
    secret_key: str,
    keys: Path | None,
    quotas: str,
    latency: str,
    inject: str,
    behaviour: tuple[str, ...],
    seed: int | None,
    certfile: Path | None,
    keyfile: Path | None,
    access_log: str | None,
    until_stdin_closes: bool,
) -> None:
    """Run the local S3 Vectors endpoint until Ctrl-C or SIGTERM."""
    from vecgate.endpoint.behaviour import read_behaviour  # noqa: PLC0415
    from vecgate.endpoint.server import run_server  # noqa: PLC0415 - `serve --help` needs no server
    from vecgate.endpoint.state import State  # noqa: PLC0415
    from vecgate.endpoint.storage import open_state  # noqa: PLC0415

    principals = _principals(access_key, secret_key, keys, no_auth=no_auth)
    made_up = principals[0] if principals and not access_key and not keys else None
    new_state = State(account=account, region=region, behaviour=read_behaviour(behaviour))
    with _log(access_log) as log, open_state(data_dir, state=new_state, sync=sync) as state:
        run_server(
            host,
            port,
            state=state,
            settings=_settings(principals, quotas, latency, inject, seed),
            certificate=_certificate(certfile, keyfile),
            log=log,
            on_ready=partial(
                announce, region=region, is_signed=bool(principals), made_up=made_up, data_dir=data_dir
            ),
            until_stdin_closes=until_stdin_closes,
        )


def announce(
    url: str,
    *,
    region: str = "us-east-1",
    is_signed: bool = False,
    made_up: Principal | None = None,
    data_dir: Path | None = None,
) -> None:
    """Say that the endpoint is ready on stdout, and how to use it on stderr.

    A key pair that was *made_up* for this run is shown: nobody could know it. Others never are.
    """
    click.echo(f"{READY}{url}")
    lines = [f"export AWS_ENDPOINT_URL_S3VECTORS={url}"]
    if is_signed:
        lines.append(f"export AWS_REGION={region} AWS_DEFAULT_REGION={region}")
    if made_up:
        pair = made_up.pair
        lines.append(f"export AWS_ACCESS_KEY_ID={pair.access_key} AWS_SECRET_ACCESS_KEY={pair.secret_key}")
    lines += [
        f"boto3    boto3.client('s3vectors', endpoint_url='{url}')",
        "AWS CLI  aws s3vectors list-vector-buckets",
        f"vecgate  vecgate put FILE --target {url}",
        f"Requests must be signed for {region}{'' if made_up else ' with the keys given'}."
        if is_signed
        else "Any credentials and any region will do.",
        f"Ctrl-C stops it, and what it holds is {f'kept in {data_dir}' if data_dir else 'gone'}.",
    ]
    click.echo("\n".join(lines), err=True)


def _principals(
    access_key: str, secret_key: str, keys: Path | None, *, no_auth: bool
) -> tuple[Principal, ...]:
    from vecgate.endpoint.access import new_principal, read_principals  # noqa: PLC0415

    named = [
        option
        for option, is_given in (
            ("--no-auth", no_auth),
            ("--keys", keys),
            ("--access-key and --secret-key", access_key or secret_key),
        )
        if is_given
    ]
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)} contradict one another", hint="Give one of them.")
    if no_auth:
        return ()
    if keys:
        return read_principals(keys)
    if bool(access_key) != bool(secret_key):
        raise UsageError("an access key and its secret key go together", hint="Give both, or neither.")
    return (new_principal(access_key, secret_key),)


def _settings(
    principals: tuple[Principal, ...], quotas: str, latency: str, inject: str, seed: int | None
) -> DoorSettings:
    """How requests are treated. Raises ConfigError with what is wrong with all of it."""
    from vecgate.endpoint import injection, latency as latencies, quotas as lanes  # noqa: I001, PLC0415
    from vecgate.endpoint.keeper import DoorSettings  # noqa: PLC0415
    from vecgate.endpoint.settings import preset_or_file  # noqa: PLC0415

    problems: list[ConfigError] = []

    def chosen(choice: str, presets: Any, read: Any) -> Any:  # noqa: ANN401 - three kinds of settings
        try:
            return preset_or_file(choice, presets, read)
        except ConfigError as error:
            problems.append(error)
            return None

    rates = chosen(quotas, lanes.PRESETS, lanes.read_quotas)
    model = chosen(latency, latencies.PRESETS, latencies.read_latencies)
    plan = chosen(inject, injection.PRESETS, injection.read_plan)
    if problems:
        raise ConfigError("; ".join(map(str, problems)), hint=" ".join(each.hint for each in problems))
    settings = DoorSettings(principals, rates, model, plan)
    return settings if seed is None else settings.seeded(seed)


def _certificate(certfile: Path | None, keyfile: Path | None) -> Certificate | None:
    from vecgate.endpoint.server import Certificate  # noqa: PLC0415

    if certfile and keyfile:
        return Certificate(certfile, keyfile)
    if certfile or keyfile:
        raise UsageError("--certfile and --keyfile go together", hint="Give both, or neither.")
    return None


@contextmanager
def _log(where: str | None) -> Iterator[AccessLog | None]:
    from vecgate.endpoint.access_log import AccessLog  # noqa: PLC0415

    if where is None:
        yield None
    elif where == STDERR:
        yield AccessLog(sys.stderr)
    else:
        with _appending(where) as stream:
            yield AccessLog(stream)


def _appending(where: str) -> IO[str]:
    try:
        return Path(where).open("a", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{where} cannot be written: {error.strerror or error}") from None
