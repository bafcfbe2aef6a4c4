"""All that is sent to a provider, word for word: golden/*.json. A change of our words shows there, to be read.

`python -m tests.actions.test_golden` writes the files anew.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import anyio
import pytest

from protocol.messages import Analyze, Chat, Generate, Summarize, Turn
from sidecar.actions._analysis import schema
from sidecar.providers import Prompt
from tests.actions.answering import AnsweringProvider, ask

FOLDER = Path(__file__).parent / "golden"

PAGE = "# Primes\n\nA prime has exactly two divisors.\n\n# Bread\n\n" + "Bread needs flour. " * 130
HISTORY = tuple(
    Turn(role="assistant" if n % 2 else "user", content=f"{'Answer' if n % 2 else 'Question'} {n}. " + "x" * 190)
    for n in range(12)
)

REQUESTS: Mapping[str, Generate] = {
    "chat": Chat(content="Why is 9 none?", context="A prime has two divisors.", history=HISTORY[:2]),
    "chat_with_a_persona_in_portuguese": Chat(content="Oi", instructions="You are Ada.", language="pt_br"),
    "chat_with_a_long_context": Chat(content="Why is 9 none?", context=PAGE),
    "chat_with_a_long_history": Chat(content="And now?", history=HISTORY),
    "summarize": Summarize(content="A prime has two divisors.", length="short"),
    "summarize_a_long_text": Summarize(content=PAGE, context="A course.", style="bullets", language="de"),
    "analyze": Analyze(content="A prime has two divisors."),
    "analyze_as_json": Analyze(content="A prime has two divisors.", format="json"),
    "analyze_a_long_text": Analyze(content=PAGE),
}


def answer(prompt: Prompt) -> str:
    return "Notes." if prompt.action == "condense" else "{}" if len(prompt.messages) == 1 and prompt.schema else GOOD


GOOD = json.dumps(
    {
        "main_ideas": ["A prime has two divisors."],
        "concepts": [],
        "level": {"grade": "elementary", "reason": "It is short."},
        "prerequisites": [],
        "objectives": [],
        "questions": [],
    }
)


def sent_for(name: str) -> list[dict[str, object]]:
    """Return the prompts of a request, those of parts in their order, as they stand in a file."""
    provider = AnsweringProvider(answer)
    anyio.run(ask, REQUESTS[name], provider)
    parts = provider.asked("condense")
    rest = [prompt for prompt in provider.prompts if prompt.action != "condense"]
    return [
        {
            "action": prompt.action,
            "system": prompt.system.split("\n"),
            "messages": [{"role": turn.role, "content": turn.content.split("\n")} for turn in prompt.messages],
            "max_tokens": prompt.max_tokens,
            "has_schema": prompt.schema == schema(),
        }
        for prompt in [*parts, *rest]
    ]


@pytest.mark.parametrize("name", REQUESTS)
def test_what_is_sent_is_what_the_golden_file_says(name: str) -> None:
    assert sent_for(name) == json.loads((FOLDER / f"{name}.json").read_text())


def test_there_are_no_other_files() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == REQUESTS.keys()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in REQUESTS:
        (FOLDER / f"{name}.json").write_text(json.dumps(sent_for(name), indent=1, ensure_ascii=False) + "\n")
