"""Many students at once, and what that does to another page. Run as a program it prints the table of README."""

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

from tests.webservers.browser import Browser, Came
from tests.webservers.sites import WEB_SERVERS
from tests.webservers.stage import Stage, built, prompt


@dataclass(frozen=True, slots=True)
class Stream:
    """One answer."""

    asked_at: float
    events: list[Came]

    @property
    def deltas(self) -> list[Came]:
        return [event for event in self.events if event.name == "delta"]

    @property
    def numbers(self) -> list[int]:
        """The numbers of its tokens, in the order in which they came."""
        text = "".join(str(event.data["text"]) for event in self.deltas)
        return [int(token.partition(":")[0]) for token in text.split(";")[:-1]]

    @property
    def gaps(self) -> list[float]:
        """Between one token and the next."""
        return [later.at - earlier.at for earlier, later in pairwise(self.deltas)]

    @property
    def latencies(self) -> list[float]:
        """From where a token was written to where it was read; the first of each event."""
        return [event.at - _written_at(str(event.data["text"])) for event in self.deltas]


@dataclass(frozen=True, slots=True)
class Crowd:
    """What came of many streams at once, and of another page meanwhile. All times are in seconds."""

    streams: list[Stream]
    pages: list[float]
    """How long each request for the other page took while the streams ran."""
    pages_before: list[float]

    @property
    def gaps(self) -> list[float]:
        return [gap for stream in self.streams for gap in stream.gaps]

    @property
    def latencies(self) -> list[float]:
        return [latency for stream in self.streams for latency in stream.latencies]

    @property
    def first_tokens(self) -> list[float]:
        """From the click to the first token."""
        return [stream.deltas[0].at - stream.asked_at for stream in self.streams]


def ask_all(stage: Stage, page: str, *, students: int, tokens: int, pause: float) -> Crowd:
    """Let so many students ask `page` at once, and get another page again and again while their answers come."""
    pages_before = [_time_page(stage.browser) for _ in range(50)]
    together = threading.Barrier(students + 1)

    def ask(number: int) -> Stream:
        together.wait()
        began = time.monotonic()
        with stage.browser.stream(page, prompt(f"crowd{number}", tokens=tokens, pause=pause)) as answer:
            assert answer.status == 200, answer.text()
            return Stream(began, [*answer.events()])

    with ThreadPoolExecutor(students) as pool:
        answers = [pool.submit(ask, number) for number in range(students)]
        together.wait()
        time.sleep(pause * 4)  # so that the pages are asked for behind all of them
        pages = [_time_page(stage.browser)]
        while not any(answer.done() for answer in answers):
            time.sleep(0.02)
            pages.append(_time_page(stage.browser))
        return Crowd([answer.result() for answer in answers], pages, pages_before)


def in_milliseconds(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.1f} (at most {max(seconds) * 1000:.0f})"


def _time_page(browser: Browser) -> float:
    began = time.monotonic()
    with browser.get("/plain.php") as page:
        assert page.text() == "Hello"
    return time.monotonic() - began


def _written_at(text: str) -> float:
    return int(text.partition(":")[2].partition(";")[0]) / 1e6


def main() -> None:
    """Print the table: 40 answers of 100 tokens at 20 a second, on 4 workers of PHP."""
    print("| 40 answers, 4 workers | another page, ms | first token, ms | gap between tokens, ms | token's way, ms |")
    print("| --- | --- | --- | --- | --- |")
    for web_server in WEB_SERVERS:
        with built(web_server) as stage:
            for page, how in (("/ask.php", "handed over"), ("/relay.php", "relayed by PHP")):
                found = ask_all(stage, page, students=40, tokens=100, pause=0.05)
                cells = (found.pages, found.first_tokens, found.gaps, found.latencies)
                print(f"| {web_server}, {how} | {' | '.join(map(in_milliseconds, cells))} |", flush=True)


if __name__ == "__main__":
    main()
