"""`vecgate serve`: the local endpoint, until it is stopped."""

from __future__ import annotations

import click

from vecgate.endpoint.local import DEFAULT_HOST, READY

DEFAULT_PORT = 7333


@click.command()
@click.option("--host", default=DEFAULT_HOST, show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(0, 65_535),
    help="Port to listen on; 0 for any free one.",
)
@click.option("--access-log", is_flag=True, help="Log each request on stderr.")
@click.option("--until-stdin-closes", is_flag=True, hidden=True, help="Stop when the starter is gone.")
def serve(host: str, port: int, *, access_log: bool, until_stdin_closes: bool) -> None:
    """Run the local S3 Vectors endpoint until Ctrl-C or SIGTERM. It keeps everything in memory."""
    from vecgate.endpoint.server import run_server  # noqa: PLC0415 - `serve --help` needs no server

    run_server(host, port, on_ready=announce, access_log=access_log, until_stdin_closes=until_stdin_closes)


def announce(url: str) -> None:
    """Say that the endpoint is ready on stdout, and how to use it on stderr."""
    click.echo(f"{READY}{url}")
    click.echo(
        f"boto3    boto3.client('s3vectors', endpoint_url='{url}')\n"
        f"AWS CLI  AWS_ENDPOINT_URL_S3VECTORS={url} aws s3vectors list-vector-buckets\n"
        f"vecgate  vecgate put FILE --target {url}\n"
        "Any credentials and any region will do. Ctrl-C stops it, and what it holds is gone.",
        err=True,
    )
