"""Render templates. All values are escaped; style and script are inlined and allowed by their hashes."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from vecgate.errors import UsageError
from vecgate.formatting import format_timestamp
from vecgate.reporting.html.untrusted_text import sanitize, split_links, web_url

if TYPE_CHECKING:
    from jinja2 import Environment


def render_template(template: str, **values: Any) -> str:  # noqa: ANN401 - whatever the template shows
    """Return the page that *template* makes of *values*. Raises UsageError if the extra is not installed."""
    try:
        import jinja2  # noqa: F401, PLC0415 - an extra
    except ImportError:
        raise UsageError(
            "reports need jinja2, which is not installed", hint="pip install 'vecgate[report]'"
        ) from None
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    """Return the environment of all templates; each template is compiled once."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - an extra

    environment = Environment(
        loader=PackageLoader("vecgate.reporting.html"),
        autoescape=True,
        finalize=sanitize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "web_url": web_url,
        "split_links": split_links,
        "format_timestamp": format_timestamp,
    }
    style, script = _asset("style.css"), _asset("script.js")
    environment.globals |= {
        "style": Markup(style),  # noqa: S704 - a file of this package
        "script": Markup(script),  # noqa: S704 - a file of this package
        "policy": content_policy(style, script),
    }
    return environment


def content_policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy that allows this *style* and *script* and nothing else."""
    allowed = {"style-src": style, "script-src": script}
    hashes = [f"{name} 'sha256-{_hash(text)}'" for name, text in allowed.items()]
    return "; ".join(["default-src 'none'", *hashes, "base-uri 'none'", "form-action 'none'"])


def _asset(name: str) -> str:
    return files("vecgate.reporting.html").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
