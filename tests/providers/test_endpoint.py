import json
from pathlib import Path
from typing import Any

import pytest

from sidecar.providers.endpoint import make_endpoint
from sidecar.settings import SettingsError, parsing

URLS: dict[str, list[dict[str, Any]]] = json.loads((Path(__file__).parent / "urls.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", URLS["good"], ids=lambda vector: str(vector["base"]))
def test_what_an_address_becomes(vector: dict[str, Any]) -> None:
    base = vector["base"]
    assert base is None or parsing.URL.parse(base) == base
    endpoint = make_endpoint(base, allow_http=vector.get("allow_http", False))
    assert endpoint.url == vector["url"]
    assert endpoint.is_loopback == vector["loopback"]


@pytest.mark.parametrize("vector", URLS["refused"], ids=lambda vector: str(vector["base"]))
def test_what_is_refused(vector: dict[str, Any]) -> None:
    if vector["by"] == "settings":
        with pytest.raises(ValueError):  # noqa: PT011
            parsing.URL.parse(vector["base"])
    else:
        with pytest.raises(SettingsError, match=r"\AOPENAI_BASE_URL must .* SIDECAR_ALLOW_HTTP=on") as caught:
            make_endpoint(str(parsing.URL.parse(vector["base"])))
        assert vector["base"] not in str(caught.value)


def test_the_repr_shows_no_address() -> None:
    assert "canary" not in repr(make_endpoint("https://a.example/v1?key=canary"))
