"""Settings with which the program asks a scripted provider."""

from tests.providers.scripted import ScriptedProvider

KEY = "sk-canary-QhJ7cX2mWtP9"


def openai_at(provider: ScriptedProvider) -> dict[str, str]:
    return {
        "SIDECAR_PROVIDER": "openai",
        "OPENAI_BASE_URL": provider.url,
        "OPENAI_API_KEY": KEY,
        "OPENAI_MODEL": "m",
    }
