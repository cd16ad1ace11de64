"""Copies the service model of the installed botocore into vecgate, without its texts: `python copy_model.py`."""

from __future__ import annotations

import json
from typing import Any

from botocore.loaders import Loader

from vecgate.s3vectors.model import MODELS, SERVICE


def without_texts(value: Any) -> Any:
    """Return a part of a model without its documentation."""
    if isinstance(value, dict):
        return {
            name: without_texts(each)
            for name, each in value.items()
            if name != "documentation" or not isinstance(each, str)
        }
    return [without_texts(each) for each in value] if isinstance(value, list) else value


def copy_model() -> None:
    """Replace the copy."""
    loader = Loader()
    folder = MODELS / SERVICE / loader.determine_latest_version(SERVICE, "service-2")
    folder.mkdir(parents=True, exist_ok=True)
    model = without_texts(loader.load_service_model(SERVICE, "service-2"))
    (folder / "service-2.json").write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    copy_model()
