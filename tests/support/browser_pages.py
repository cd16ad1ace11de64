"""Chromium, and web pages of another origin."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
#: A name that resolves to this machine, as a page can make its own name do.
REBOUND = "rebound.example"


@contextmanager
def chromium() -> Iterator[Any]:
    """Start Chromium, in which REBOUND resolves to this machine. Skips the test without it."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if BROWSER is None:
        pytest.skip("no Chromium is on the path")
    rules = f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1"
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", rules])
        yield browser
        browser.close()


@contextmanager
def foreign_page(html: str) -> Iterator[tuple[str, list[str]]]:
    """Serve *html* at every path of another origin. Yields its URL, and the paths of all requests."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - named by http.server

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        # Of the same site as 127.0.0.1 in no browser.
        yield f"http://localhost:{server.server_port}/", paths
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def attack_script(requests: list[tuple[str, str, str]], read: str) -> str:
    """Return a page that sends *requests* (method, URL, body), and then shows whether it could read a URL.

    Its title becomes `refused`, or starts with `READ`.
    """
    sends = "".join(
        f"await fetch('{url}', {{method: '{method}', mode: 'no-cors', body: {f'`{body}`' if body else 'null'},"
        "headers: {'content-type': 'application/x-www-form-urlencoded'}}).catch(() => 0);\n"
        for method, url, body in requests
    )
    return f"""<title>begun</title><script>(async () => {{
{sends}
document.title = await fetch('{read}').then(
    (answer) => answer.text()).then((text) => "READ " + text, () => "refused");
}})()</script>"""
