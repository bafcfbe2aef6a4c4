import json
from pathlib import Path
from typing import Any

import pytest

from sidecar.providers.openai import OpenAIDialect
from sidecar.settings import SettingsError, parsing

URLS: dict[str, list[dict[str, Any]]] = json.loads((Path(__file__).parent / "urls.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", URLS["good"], ids=lambda vector: str(vector["base"]))
def test_what_an_address_becomes(vector: dict[str, Any]) -> None:
    base = vector["base"]
    assert base is None or parsing.URL.parse(base) == base
    endpoint = OpenAIDialect().locate(base, allow_http=vector.get("allow_http", False))
    assert endpoint.url == vector["url"]
    assert endpoint.is_loopback == vector["loopback"]
    assert endpoint.key_header == vector.get("key_header", "Authorization")


@pytest.mark.parametrize("vector", URLS["refused"], ids=lambda vector: str(vector["base"]))
def test_what_is_refused(vector: dict[str, Any]) -> None:
    if vector["by"] == "settings":
        with pytest.raises(ValueError):  # noqa: PT011
            parsing.URL.parse(vector["base"])
    else:
        with pytest.raises(SettingsError, match=rf"\AOPENAI_BASE_URL .*{vector['because']}") as caught:
            OpenAIDialect().locate(str(parsing.URL.parse(vector["base"])))
        assert vector["base"] not in str(caught.value)


def test_the_repr_shows_no_address() -> None:
    assert "canary" not in repr(OpenAIDialect().locate("https://a.example/v1?key=canary"))


def test_a_server_is_the_same_however_it_is_written() -> None:
    def origin(url: str) -> tuple[str, str, int | None]:
        return OpenAIDialect().locate(url, allow_http=True).origin

    same = ("https://x.org/v1", "https://x.org:443", "HTTPS://X.org./openai/deployments/d?api-version=1")
    assert len(set(map(origin, same))) == 1
    assert len(set(map(origin, ("https://x.org", "https://x.org:444", "http://x.org", "https://y.org")))) == 4
    assert origin("http://x.org") == origin("http://x.org:80")
