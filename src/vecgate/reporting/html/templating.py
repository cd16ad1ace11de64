"""Templates filled in: everything is escaped, and style and script are in the page, known by their hashes."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from vecgate.errors import UsageError
from vecgate.reporting.html.text import pieces, shown, web_address
from vecgate.reporting.wording import moment


def page(template: str, **told: Any) -> str:  # noqa: ANN401 - whatever the template shows
    """The page that *template* makes of *told*. Raises UsageError where the extra is not installed."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError(
            "reports need jinja2, which is not installed", hint="pip install 'vecgate[report]'"
        ) from None
    environment = Environment(
        loader=PackageLoader("vecgate.reporting.html"),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"web_address": web_address, "pieces": pieces, "moment": moment}
    style, script = _asset("style.css"), _asset("script.js")
    environment.globals |= {
        "style": Markup(style),  # noqa: S704 - ours
        "script": Markup(script),  # noqa: S704 - ours
        "policy": policy_of(style, script),
    }
    return environment.get_template(template).render(**told)


def policy_of(style: str, script: str) -> str:
    """What the page may do: nothing but its own style and its own script."""
    allowed = {"style-src": style, "script-src": script}
    hashes = [f"{name} 'sha256-{_hash(text)}'" for name, text in allowed.items()]
    return "; ".join(["default-src 'none'", *hashes, "base-uri 'none'", "form-action 'none'"])


def _asset(name: str) -> str:
    return files("vecgate.reporting.html").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
