"""Installs the guard of Locust's web interface in its Flask application, before it serves anything.

The interface of Locust itself lets every page read its answers, and sets every option that a form names.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from http import HTTPStatus
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlsplit

import flask

from vecgate.errors import UsageError, VecgateError
from vecgate.load.web.page_requests import TOKEN_HEADER, PageRequest, PageRules
from vecgate.load.web.web_form import check_scenario, forbidden_fields, message_of
from vecgate.load.web.web_password import has_logged_in, require_password
from vecgate.loopback import is_loopback

#: Largest body of a request to the interface.
FORM_BYTES_MAX = 64 * 1024
#: Sends the token with every request of the page to its own origin. Locust's page has no other place for it.
SCRIPT = """<script>(() => {
  const send = window.fetch;
  window.fetch = (input, options) => {
    const request = new Request(input, options);
    if (new URL(request.url).origin === location.origin) request.headers.set("%s", "%s");
    return send(request);
  };
})();</script>"""
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def guard_web_interface(
    web_ui: Any,  # noqa: ANN401 - Locust's
    environ: Mapping[str, str],
    *,
    shown: Callable[[], Iterable[str]] = tuple,
) -> list[str]:
    """Guard Locust's *web_ui*, and return the lines that say how to reach it.

    environ  the environment variables
    shown    returns the names of the options that Locust's form shows

    An interface that other machines can reach gets a password. Raises UsageError if its port is not free.
    """
    options = web_ui.environment.parsed_options
    host, port = web_ui.host, web_ui.port
    _check_port(host, port)
    display = options.web_host_display_name or ""
    names = {(urlsplit(display).hostname or display).lower()} if display else set()
    if not is_loopback(host):
        names |= {socket.gethostname().lower(), *([host.lower()] if host else [])}
    rules = PageRules(frozenset(names), token_urlsafe())
    given = vars(copy(options))
    app = web_ui.app
    app.config["MAX_CONTENT_LENGTH"] = FORM_BYTES_MAX

    def check() -> flask.Response | None:
        request = flask.request
        headers = {name.lower(): value for name, value in request.headers.items()}
        page_request = PageRequest(request.method, request.path, headers)
        if reason := rules.refusal(page_request, needs_token=has_logged_in(web_ui)):
            return _refused(reason)
        endpoint = (request.endpoint or "").rpartition(".")[2]
        if endpoint == "update_user":
            return _refused("users of a load test have no settings")
        return _check_form(web_ui, given, frozenset(shown())) if endpoint == "swarm" else None

    def add_token(response: flask.Response) -> flask.Response:
        if (flask.request.endpoint or "").endswith(".index") and response.mimetype == "text/html":
            page = response.get_data(as_text=True)
            before, head, after = page.partition("<head>")
            script = SCRIPT % (TOKEN_HEADER, rules.token)
            response.set_data(f"{before}{head}{script}{after}" if head else f"{script}{page}")
            response.headers["Cache-Control"] = "no-store"
        return response

    app.before_request_funcs.setdefault(None, []).insert(0, check)
    app.after_request(add_token)
    app.wsgi_app = _with_headers(app.wsgi_app)
    lines = [f"web interface at {_url(web_ui, display)}"]
    return lines + require_password(web_ui, environ, is_needed=not is_loopback(host))


def _check_form(web_ui: Any, given: Mapping[str, Any], shown: frozenset[str]) -> flask.Response | None:  # noqa: ANN401 - Locust's
    form = flask.request.form
    if names := forbidden_fields(form, vars(web_ui.environment.parsed_options), shown=shown):
        return _refused(f"this form cannot set {', '.join(sorted(names))}; start vecgate with that option")
    try:
        check_scenario(form, given)
    except VecgateError as error:
        # As Locust reports an invalid field: its page shows the message.
        return flask.jsonify({"success": False, "message": message_of(error), "host": None})
    return None


def _refused(reason: str) -> flask.Response:
    return flask.Response(f"{reason}\n", HTTPStatus.FORBIDDEN, mimetype="text/plain")


def _with_headers(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Return *application* without headers that let other pages read answers, and with HEADERS."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:  # noqa: ANN401 - WSGI
            kept = [each for each in headers if not each[0].lower().startswith("access-control-")]
            return start_response(status, [*kept, *HEADERS.items()], *more)

        return application(environ, start)

    return answer


def _check_port(host: str, port: int) -> None:
    """Raise UsageError if the interface cannot listen there: Locust would go on without it."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise UsageError(
            f"the web interface cannot listen on {host or '*'}:{port}: {error.strerror or error}",
            hint="Set another port with LOCUST_WEB_PORT.",
        ) from error


def _url(web_ui: Any, display: str) -> str:  # noqa: ANN401 - Locust's
    if display:
        return display
    scheme = "https" if web_ui.tls_cert and web_ui.tls_key else "http"
    host = web_ui.host or socket.gethostname()
    base = web_ui.environment.parsed_options.web_base_path or ""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{web_ui.port}{base}"
