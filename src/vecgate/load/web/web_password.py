"""The password of Locust's web interface, through Locust's own login page."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from secrets import token_bytes, token_urlsafe
from typing import Any

import flask
import flask_login  # type: ignore[import-untyped]  # it ships no types

PASSWORD_VARIABLE = "VECGATE_WEB_PASSWORD"  # noqa: S105 - its name
LOGIN_PATH = "/vecgate-login"
USER = "vecgate"


class WebUser(flask_login.UserMixin):  # type: ignore[misc]  # flask-login has no types
    """The one user of the interface."""

    id = USER


def require_password(web_ui: Any, environ: Mapping[str, str], *, is_needed: bool) -> list[str]:  # noqa: ANN401 - Locust's
    """Let Locust's *web_ui* require a password, and return the line about it.

    The password is that of PASSWORD_VARIABLE in *environ*, or a new one if it *is_needed*. A locustfile with
    a login of its own keeps it.
    """
    password = environ.get(PASSWORD_VARIABLE, "")
    if web_ui.web_login and web_ui.login_manager._user_callback is not None:  # noqa: SLF001 - it has no other way
        return []
    if not (password or is_needed or web_ui.web_login):
        return []
    is_generated, password = not password, password or token_urlsafe(12)
    _install(web_ui, password)
    shown = password if is_generated else f"that of {PASSWORD_VARIABLE}"
    return [f"its password  {shown}"]


def has_logged_in(web_ui: Any) -> bool:  # noqa: ANN401 - Locust's
    """Return whether the current request is that of a user with access; always true without a password."""
    return not web_ui.web_login or bool(flask_login.current_user.is_authenticated)


def _install(web_ui: Any, password: str) -> None:  # noqa: ANN401 - Locust's
    app = web_ui.app
    app.secret_key = token_bytes()
    app.config.update(SESSION_COOKIE_SAMESITE="Strict", SESSION_COOKIE_HTTPONLY=True)
    manager = flask_login.LoginManager(app)
    manager.login_view = "locust.login"
    manager.user_loader(lambda user: WebUser() if user == USER else None)
    web_ui.web_login, web_ui.login_manager = True, manager
    path = f"{web_ui.environment.parsed_options.web_base_path or ''}{LOGIN_PATH}"
    web_ui.auth_args = {
        "custom_form": {
            "inputs": [{"label": "Password", "name": "password", "is_secret": True, "is_required": True}],
            "callback_url": path,
            "submit_button_text": "Log in",
        }
    }

    @app.post(path)  # type: ignore[untyped-decorator]  # Flask's of an object that Locust made
    def log_in() -> Any:  # noqa: ANN401 - Flask's
        sent = flask.request.form.get("password", "")
        if hmac.compare_digest(sent.encode(), password.encode()):
            flask_login.login_user(WebUser())
            return flask.redirect(flask.url_for("locust.index"))
        flask.session["auth_error"] = "The password is wrong."
        return flask.redirect(flask.url_for("locust.login"))
