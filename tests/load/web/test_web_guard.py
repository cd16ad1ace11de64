"""The guard in a Flask application with the routes of Locust's web interface."""

from __future__ import annotations

import re
import socket
from types import SimpleNamespace
from typing import Any

import flask
import pytest

from vecgate.errors import UsageError
from vecgate.load.web.page_requests import TOKEN_HEADER
from vecgate.load.web.web_guard import FORM_BYTES_MAX, guard_web_interface
from vecgate.load.web.web_password import LOGIN_PATH, PASSWORD_VARIABLE

flask_login = pytest.importorskip("flask_login", reason="flask-login is not installed")
OWN = {"Host": "127.0.0.1:8089"}
FORM = {"user_count": "1", "spawn_rate": "1", "host": ""}


class FakeInterface:
    """An interface like Locust's, with some of its routes. *started* has the forms that it accepted."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host, self.port, self.tls_cert, self.tls_key = host, 0, None, None
        self.web_login, self.login_manager = False, SimpleNamespace(_user_callback=None)
        self.auth_args: dict[str, object] = {}
        options = SimpleNamespace(
            web_host_display_name="", web_base_path="", vecgate_scenario="smoke", vecgate_set="", html_file="",
            host="", profile=None,
        )  # fmt: skip
        self.environment = SimpleNamespace(parsed_options=options)
        self.started: list[dict[str, str]] = []
        self.app = flask.Flask("fake")
        routes = flask.Blueprint("locust", "fake")
        routes.add_url_rule(
            "/", "index", self.protected(lambda: "<html><head><title>x</title></head></html>")
        )
        routes.add_url_rule("/swarm", "swarm", self.protected(self.start), methods=["POST"])
        routes.add_url_rule("/user", "update_user", self.protected(lambda: "changed"), methods=["POST"])
        routes.add_url_rule("/login", "login", lambda: str(flask.session.get("auth_error")))
        self.app.register_blueprint(routes)
        # As flask_cors does for Locust.
        self.app.after_request(
            lambda response: response.headers.add("Access-Control-Allow-Origin", "*") or response
        )

    def protected(self, view: Any) -> Any:
        def call() -> Any:
            if not self.web_login:
                return view()
            return flask_login.login_required(view)()

        return call

    def start(self) -> str:
        self.started.append(dict(flask.request.form))
        return "started"

    def guarded(self, **environ: str) -> list[str]:
        return guard_web_interface(self, environ, shown=lambda: ["my_option"])


@pytest.fixture
def interface() -> FakeInterface:
    return FakeInterface()


def token_of(client: Any, **headers: str) -> dict[str, str]:
    page = client.get("/", headers=OWN | headers).get_data(as_text=True)
    found = re.search(rf'"{TOKEN_HEADER}", "([^"]+)"', page)
    assert found
    return {TOKEN_HEADER: found[1]}


def test_only_the_page_with_the_token_starts_a_run(interface: FakeInterface) -> None:
    """The token is in the page, which no other page can read or show in a frame."""
    assert interface.guarded() == ["web interface at http://127.0.0.1:0"]
    client = interface.app.test_client()
    page = client.get("/", headers=OWN)
    assert page.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    assert not [name for name, _ in page.headers if name.lower().startswith("access-control")]
    assert page.get_data(as_text=True).startswith("<html><head><script>")
    assert client.post("/swarm", headers=OWN, data=FORM).status_code == 403
    assert interface.started == []
    assert client.post("/swarm", headers=OWN | token_of(client), data=FORM).status_code == 200
    assert interface.started == [FORM]


@pytest.mark.parametrize("path", ["/", "/swarm", "/user", "/none", "/login"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_every_path_refuses_foreign_pages_and_names(interface: FakeInterface, method: str, path: str) -> None:
    """They cannot read the refusal either."""
    interface.guarded()
    client = interface.app.test_client()
    token = token_of(client)
    for wrong in ({"Origin": "http://evil.example"}, {"Host": "evil.example:8089"}):
        answer = client.open(path, method=method, headers=OWN | token | wrong, data={})
        assert answer.status_code == 403
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]
    assert interface.started == []


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_forbidden_field_is_named(interface: FakeInterface, kind: str) -> None:
    """In either encoding of a form; nothing starts."""
    interface.guarded()
    client = interface.app.test_client()
    headers = OWN | token_of(client)
    form = {**FORM, "vecgate_target": "http://evil.example", "html_file": "/x", "my_option": "1"}
    answer = client.post("/swarm", headers=headers, data=form, content_type=kind)
    assert answer.status_code == 403
    assert "cannot set html_file, vecgate_target;" in answer.get_data(as_text=True)
    wrong = client.post("/swarm", headers=headers, data={**FORM, "vecgate_scenario": "/etc/passwd"})
    assert (wrong.status_code, wrong.get_json()["success"]) == (200, False)
    assert "ships with vecgate" in wrong.get_json()["message"]
    assert client.post("/user", headers=headers, json={}).status_code == 403
    large = {**FORM, "vecgate_set": "x" * FORM_BYTES_MAX}
    assert client.post("/swarm", headers=headers, data=large).status_code == 413
    assert interface.started == []


@pytest.fixture(params=["", "0.0.0.0", "a.example"])  # noqa: S104 - nothing listens there
def open_interface(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FakeInterface:
    """An interface that other machines can reach."""
    monkeypatch.setattr("vecgate.load.web.web_guard._check_port", lambda *_: None)
    return FakeInterface(request.param)


def test_an_interface_that_other_machines_reach_has_a_password(open_interface: FakeInterface) -> None:
    """A new one, which is printed. Without it nothing is shown, and no token helps."""
    _, line = open_interface.guarded()
    password = line.removeprefix("its password  ")
    assert len(password) >= 16
    client = open_interface.app.test_client()
    other = {"Host": f"{socket.gethostname()}:8089"}
    assert client.get("/", headers=other).status_code == 302
    assert client.post("/swarm", headers=other, data=FORM).status_code == 302
    wrong = client.post(LOGIN_PATH, headers=other, data={"password": "wrong"})
    assert (wrong.status_code, wrong.location) == (302, "/login")
    assert client.get("/login", headers=other).get_data() == b"The password is wrong."
    assert client.get("/", headers=other).status_code == 302
    right = client.post(LOGIN_PATH, headers=other, data={"password": password})
    assert (right.status_code, right.location) == (302, "/")
    cookie = right.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert client.post("/swarm", headers=other, data=FORM).status_code == 403
    assert client.post("/swarm", headers=other | token_of(client, **other), data=FORM).status_code == 200


def test_the_password_can_be_chosen_and_is_not_printed(interface: FakeInterface) -> None:
    """Also for an interface on this machine, which other users may reach."""
    lines = interface.guarded(**{PASSWORD_VARIABLE: "chosen-by-me"})
    assert lines[1:] == [f"its password  that of {PASSWORD_VARIABLE}"]
    client = interface.app.test_client()
    assert client.get("/", headers=OWN).status_code == 302
    client.post(LOGIN_PATH, headers=OWN, data={"password": "chosen-by-me"})
    assert client.get("/", headers=OWN).status_code == 200


def test_a_login_of_the_locustfile_is_kept() -> None:
    """It has installed a loader of its users."""
    interface = FakeInterface()
    interface.web_login, interface.login_manager = True, SimpleNamespace(_user_callback=print)
    assert interface.guarded(**{PASSWORD_VARIABLE: "unused"}) == ["web interface at http://127.0.0.1:0"]
    assert interface.auth_args == {}


def test_a_port_that_is_in_use_is_an_error_and_a_display_name_is_known() -> None:
    """Locust would continue without the interface."""
    interface = FakeInterface()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        interface.port = listener.getsockname()[1]
        with pytest.raises(
            UsageError, match=f"cannot listen on 127.0.0.1:{interface.port}: Address already in"
        ):
            interface.guarded()
    interface.port = 0
    interface.environment.parsed_options.web_host_display_name = "https://load.example/x"
    assert interface.guarded() == ["web interface at https://load.example/x"]
    assert interface.app.test_client().get("/", headers={"Host": "load.example"}).status_code == 200
