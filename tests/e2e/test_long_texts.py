"""Texts that one call of the model cannot read, through `serve`, over real sockets, with a scripted provider."""

import json
import re
import threading
import time
from collections.abc import Callable

import pytest

from protocol.messages import Analyze, Cancel, Chat, Delta, Done, Error, Progress, Success, Summarize, Turn, Usage
from tests.actions.texts import SENTENCES, write
from tests.e2e.client import Client, Message, text_of
from tests.e2e.conftest import BACKENDS, Serve
from tests.e2e.program import PATIENCE_SECONDS, Program, wait_until
from tests.e2e.scripts import openai_at
from tests.moments import quickest
from tests.providers.scripted import Asked, ScriptedProvider, chunk, event, good, running, stream

# 4,096 tokens: 4,788 bytes of text for each part.
SMALL = {"SIDECAR_CONTEXT_TOKENS": "4096"}
ANALYSIS = {
    "main_ideas": ["Plants make sugar."],
    "concepts": [],
    "level": {"grade": "elementary", "reason": "Short sentences."},
    "prerequisites": [],
    "objectives": [],
    "questions": [],
}


def prompt_of(asked: Asked) -> str:
    messages = asked.json["messages"]
    assert isinstance(messages, list)
    content: str = messages[-1]["content"]
    return content


def is_part(asked: Asked) -> bool:
    return prompt_of(asked).endswith("Now write.")


def fenced(asked: Asked) -> str:
    found = re.search(r"<(material_\w+)>\n(.*?)\n</\1>", prompt_of(asked), re.DOTALL)
    assert found is not None
    return found[2]


def number(asked: Asked) -> int:
    found = re.match(r"Part (\d+) of", prompt_of(asked))
    return int(found[1]) if found else 0


def notes_then(last: Callable[[Asked], None]) -> Callable[[Asked], None]:
    """Return a script that takes notes on parts, and then does `last`."""
    return lambda asked: (stream(good("Some ", "notes.")) if is_part(asked) else last)(asked)


def stages(messages: list[Message]) -> list[tuple[str, int, int]]:
    return [(m.stage, m.done, m.total) for m in messages if isinstance(m, Progress)]


def without_progress(messages: list[Message]) -> list[Message]:
    return [message for message in messages if not isinstance(message, Progress)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("language", ["ru", "zh"])
def test_a_long_text_is_read_in_parts_and_the_summary_streams(serve: Serve, backend: str, language: str) -> None:
    text = write(language, 60_000)
    with running(notes_then(stream(good("A ", "summary.")))) as provider:
        program = serve(backend=backend, **openai_at(provider), **SMALL)
        with Client.unix(program.socket_path) as client:
            messages = client.ask(Summarize(id="1", content=text, stream=True))
    assert text_of(without_progress(messages)) == "A summary."
    parts = sorted((asked for asked in provider.asked if is_part(asked)), key=number)
    assert "".join(map(fenced, parts)) == text
    assert all(len(fenced(part).encode()) <= 4_788 for part in parts)
    told = stages(messages)
    assert told[-1] == ("summarizing", len(parts), len(parts))
    assert told == sorted(told)
    assert fenced(provider.asked[-1]) == "\n\n".join(["Some notes."] * len(parts))
    end = messages[-1]
    assert isinstance(end, Done)
    calls = len(provider.asked)
    assert end.usage == Usage(prompt_tokens=21 * calls, completion_tokens=48 * calls)
    # The progress comes before the text, and the text only after all of it.
    kinds = [type(message) for message in messages]
    assert kinds.index(Delta) > max(place for place, kind in enumerate(kinds) if kind is Progress)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("in_parts", [True, False], ids=["parts", "last"])
def test_a_cancel_closes_every_call_within_a_tenth_of_a_second(serve: Serve, backend: str, in_parts: bool) -> None:
    def hold(asked: Asked) -> None:
        asked.head()
        asked.chunk(event(chunk("Begun")))
        asked.hold()

    script = hold if in_parts else notes_then(hold)
    with running(script) as provider:
        program = serve(backend=backend, **openai_at(provider), **SMALL)
        with Client.unix(program.socket_path) as client:

            def cancel() -> float:
                client.send(Summarize(id="1", content=write("en", 60_000), stream=True))
                held = wait_held(provider, 4 if in_parts else 1)
                began = time.monotonic()
                client.send(Cancel(id="1"))
                check_cancelled(client.receive_end()[-1], calls=len(held))
                assert all(asked.left.wait(PATIENCE_SECONDS) for asked in held)
                return max(asked.left_at for asked in held) - began

            assert quickest(cancel, goal=0.1) < 0.1


def wait_held(provider: ScriptedProvider, count: int) -> list[Asked]:
    """Return the calls that wait for the client to leave, as soon as there are so many."""
    held: list[Asked] = []

    def are_there() -> bool:
        held[:] = [asked for asked in provider.asked if asked.waiting.is_set() and not asked.left.is_set()]
        return len(held) >= count

    wait_until(are_there)
    return held


def check_cancelled(end: Message, *, calls: int) -> None:
    assert isinstance(end, Error)
    assert end.code == "cancelled"
    assert end.usage is not None
    assert end.usage.estimated
    # What the parts have cost is in it: their text, and what was written so far.
    assert end.usage.prompt_tokens > calls * 500


def test_no_more_than_four_parts_are_with_the_provider_at_once(serve: Serve) -> None:
    lock = threading.Lock()
    running_now = most = 0

    def slow(asked: Asked) -> None:
        nonlocal running_now, most
        with lock:
            running_now += 1
            most = max(most, running_now)
        asked.pause(0.02)
        with lock:
            running_now -= 1
        stream(good("Notes."))(asked)

    with running(slow) as provider:
        program = serve(**openai_at(provider), **SMALL)
        with Client.unix(program.socket_path) as client:
            [answer] = client.ask(Summarize(id="1", content=write("hi", 60_000)))
    assert isinstance(answer, Success)
    assert most == 4


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_analysis_as_json_is_checked_and_given_as_an_object(serve: Serve, backend: str) -> None:
    with running(stream(good("Of course!")), stream(good(json.dumps(ANALYSIS)))) as provider:
        program = serve(backend=backend, **openai_at(provider))
        with Client.unix(program.socket_path) as client:
            messages = client.ask(Analyze(id="1", content="Plants make sugar.", format="json", stream=True))
            [answer] = client.ask(Analyze(id="2", content="Plants make more sugar.", format="json"))
    assert stages(messages)[-1] == ("analyzing once more", 0, 1)
    assert not any(isinstance(message, Delta) for message in messages)
    end = messages[-1]
    assert isinstance(end, Done)
    assert end.result is not None
    readability = end.result.pop("readability")
    assert end.result == ANALYSIS
    assert isinstance(readability, dict)
    assert end.usage == Usage(prompt_tokens=42, completion_tokens=96)
    assert isinstance(answer, Success)
    assert answer.data.startswith("## Main ideas\n\n- Plants make sugar.\n")
    assert answer.result is not None
    schema = provider.asked[0].json["response_format"]
    assert isinstance(schema, dict)
    assert schema["type"] == "json_schema"


def test_what_is_no_analysis_twice_is_an_error_with_its_usage(serve: Serve) -> None:
    with running(stream(good("I would rather talk."))) as provider:
        program = serve(**openai_at(provider))
        with Client.unix(program.socket_path) as client:
            [end] = client.ask(Analyze(id="1", content="Plants make sugar.", format="json"))[-1:]
    assert not isinstance(end, Success)
    assert (getattr(end, "code", ""), len(provider.asked)) == ("upstream_protocol", 2)
    assert getattr(end, "usage", None) is not None


def test_a_class_that_asks_about_one_page_pays_for_one_summary_of_it(serve: Serve) -> None:
    page = write("de", 4_000)
    with running(notes_then(stream(good("An answer.")))) as provider:
        program = serve(**openai_at(provider))
        with Client.unix(program.socket_path) as client:
            for student in range(1, 9):
                client.send(Chat(id=f"{student}", content=f"Frage {student}?", context=page, stream=True))
            ends = [client.receive_end()[-1] for _ in range(8)]
    assert all(isinstance(end, Done) for end in ends)
    assert sum(is_part(asked) for asked in provider.asked) == 1
    assert len(provider.asked) == 9


def test_a_long_conversation_is_told_in_short_and_goes_on(serve: Serve) -> None:
    history = tuple(
        Turn(role="assistant" if n % 2 else "user", content=f"{n}: {SENTENCES['ar'][n % 3]}" * 5) for n in range(60)
    )
    with running(notes_then(stream(good("An answer.")))) as provider:
        program = serve(**openai_at(provider), **SMALL)
        with Client.unix(program.socket_path) as client:
            messages = client.ask(Chat(id="1", content="و الآن؟", history=history, stream=True))
    assert text_of(without_progress(messages)) == "An answer."
    assert stages(messages)[0][0] == "summarizing the conversation"
    last = provider.asked[-1].json["messages"]
    assert isinstance(last, list)
    assert [turn["role"] for turn in last[:3]] == ["system", "user", "assistant"]
    assert "What was said before, in short:" in last[1]["content"]
    assert last[-2]["content"] == history[-1].content


def test_without_a_provider_sentences_of_the_text_are_given_where_that_is_wanted(serve: Serve) -> None:
    settings = {"SIDECAR_PROVIDER": "openai", "OPENAI_BASE_URL": "http://127.0.0.1:9", "OPENAI_MODEL": "m"}
    program = serve(**settings, SIDECAR_EXTRACTIVE_FALLBACK="on", SIDECAR_TIMEOUT_FIRST_TOKEN="1")
    with Client.unix(program.socket_path) as client:
        [answer] = client.ask(Summarize(id="1", content="".join(SENTENCES["en"]), length="short"))
        assert isinstance(answer, Success)
        assert (answer.finish_reason, answer.usage) == ("other", Usage(prompt_tokens=0, completion_tokens=0))
        assert answer.data.startswith("[Made without a language model")
        assert SENTENCES["en"][0].strip() in answer.data
        [refusal] = client.ask(Chat(id="2", content="Hi"))
        assert getattr(refusal, "code", "") == "upstream_connect"


def test_the_demo_reads_a_book_while_others_are_answered(server: Program) -> None:
    book = "".join(write(language, 150_000) for language in SENTENCES)
    with Client.unix(server.socket_path) as client, Client.unix(server.socket_path) as other:
        client.send(Summarize(id="1", content=book, stream=True))
        waits = []
        messages = [client.receive()]
        while not isinstance(messages[-1], Delta):
            began = time.monotonic()
            other.send(Chat(id="2", content="Hi", max_tokens=1))
            other.receive_end()
            waits.append(time.monotonic() - began)
            messages.append(client.receive())
        messages += client.receive_end()
    assert isinstance(messages[-1], Done)
    assert text_of(without_progress(messages)).startswith("[Demo without a language model] Sentences of the text: ")
    total = stages(messages)[0][2]
    assert total >= len(book.encode()) // 40_500
    assert sorted(waits)[len(waits) // 2] < 0.5
