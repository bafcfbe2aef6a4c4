"""A student's browser, real nginx or Apache, real php-fpm, the sidecar, a provider: as container/ configures them."""

import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from itertools import count

import pytest

from tests.e2e.conftest import serve_command
from tests.e2e.program import Program, environment
from tests.moments import quickest
from tests.webservers import rig
from tests.webservers import stage as stages
from tests.webservers.browser import Browser, Came
from tests.webservers.crowd import Stream, ask_all, in_milliseconds
from tests.webservers.sites import WEB_SERVERS, WebServer
from tests.webservers.stage import GRACE_SECONDS, HEARTBEAT_SECONDS, Stage, prompt


@pytest.fixture(scope="module", params=WEB_SERVERS)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with stages.built(request.param) as stage:
        yield stage


def test_tokens_come_one_by_one(stage: Stage) -> None:
    with stage.browser.stream("/ask.php", prompt("one", tokens=20)) as page:
        assert page.status == 200
        assert page.fields["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in page.fields
        answer = Stream(0.0, [*page.events()])
    assert (answer.events[0].name, answer.events[-1].name) == ("start", "done")
    assert answer.numbers == [*range(20)]
    assert len(answer.deltas) > 10  # where the machine is busy, two may have become one
    assert statistics.median(answer.gaps) > 0.03


@pytest.mark.alone
def test_forty_answers_take_no_worker_of_php(stage: Stage) -> None:
    """The pool has four. A page that had to wait for one of forty streams would take seconds."""

    def is_undisturbed() -> bool:
        found = ask_all(stage, "/ask.php", students=40, tokens=50, pause=0.05)
        for name, seconds in (("pages", found.pages), ("gaps", found.gaps), ("latencies", found.latencies)):
            print(f"{stage.web_server}: {name}, ms: {in_milliseconds(seconds)}")
        for stream in found.streams:
            assert stream.numbers == [*range(50)]
            assert stream.events[-1].name == "done"
        return (
            statistics.median(found.pages) < statistics.median(found.pages_before) + 0.05
            and max(found.pages) < 1.0
            and 0.03 < statistics.median(found.gaps) < 0.1
            and statistics.median(found.latencies) < 0.05
        )

    assert any(is_undisturbed() for _ in range(3))


def test_stop_reaches_the_provider_at_once(stage: Stage) -> None:
    tries = count()

    def stop() -> float:
        name = f"stop-{next(tries)}"
        with stage.browser.stream("/ask.php", prompt(name, tokens=1000)) as page:
            events = page.events()
            start = next(events)
            while next(events).name != "delta":
                pass
            began = time.monotonic()
            with stage.browser.post("/stop.php", {"reply": str(start.data["reply"])}) as stopped:
                assert (stopped.status, stopped.text()) == (200, "")
            asked = stage.asked(name)
            assert asked.left.wait(5)
            print(f"{stage.web_server}: Stop took {(asked.left_at - began) * 1000:.0f} ms")
            *_, end = events
        assert (end.name, end.data["code"]) == ("error", "cancelled")
        return asked.left_at - began

    assert quickest(stop, goal=0.2) < 0.2


@pytest.mark.parametrize("pause", [0.05, 60.0])
def test_a_closed_tab_ends_the_answer_after_the_time_of_grace(stage: Stage, pause: float) -> None:
    """While tokens come, and while the model is silent, which Apache notices with the next sign of life."""
    name = f"closed-{pause:g}"
    with stage.browser.stream("/ask.php", prompt(name, tokens=1000, pause=pause)) as page:
        events = page.events()
        while next(events).name != "delta":
            pass
    began = time.monotonic()
    asked = stage.asked(name)
    assert asked.left.wait(GRACE_SECONDS + 5)
    print(f"{stage.web_server}: a closed tab took {asked.left_at - began:.2f} s")
    assert GRACE_SECONDS - 0.5 < asked.left_at - began < GRACE_SECONDS + 4


def test_signs_of_life_come_through_a_silence(stage: Stage) -> None:
    with stage.browser.stream("/ask.php", prompt("silent", tokens=2, pause=4 * HEARTBEAT_SECONDS)) as page:
        events = [*page.events()]
    first, second = Stream(0.0, events).deltas
    assert len([at for at in page.comments if first.at < at < second.at]) >= 2


@pytest.mark.parametrize("by", ["after", "Last-Event-ID"])
def test_a_reload_goes_on_behind_what_was_read(stage: Stage, by: str) -> None:
    name = f"reload-{by}"
    with stage.browser.stream("/ask.php", prompt(name, tokens=30)) as page:
        read: list[Came] = []
        for event in page.events():
            read.append(event)
            if len(read) == 8:
                break
    last = str(read[-1].id)
    form, fields = {"reply": str(read[0].data["reply"])}, {}
    if by == "after":
        form["after"] = last
    else:
        fields["Last-Event-ID"] = last
    with stage.browser.stream("/again.php", form, fields) as page:
        rest = [*page.events()]
    assert Stream(0.0, rest).deltas[0].id == str(int(last) + 1)
    assert rest[-1].name == "done"
    whole = Stream(0.0, [*read, *rest])
    assert whole.numbers == [*range(30)]
    assert stage.asked(name).number >= 0  # asked, and paid, once
    with stage.browser.post("/collect.php", form) as page:
        assert page.text() == "".join(str(event.data["text"]) for event in whole.deltas)


def test_no_browser_reaches_anything_else(stage: Stage) -> None:
    """Neither the sidecar behind the web server's socket, nor the other sockets behind that."""
    prefixes = ("/_sidecar/replies/", "/ai-stream/")
    ways = ("", "t_none", "../livez", "..%2flivez", "%2e%2e/livez", "../../livez", "./../health", "x/tickets", "//ai")
    before = len(stage.provider.asked)
    for prefix in prefixes:
        for way in ways:
            with stage.browser.get(prefix + way) as page:
                assert page.status in (400, 403, 404), (prefix, way, page.status, page.text())
            with stage.browser.post(prefix + way, {"action": "chat", "content": "Hi"}) as page:
                assert page.status in (400, 403, 404, 405), (prefix, way, page.status)
    assert len(stage.provider.asked) == before


def test_a_ticket_that_was_used_is_not_found(stage: Stage) -> None:
    with stage.browser.stream("/used.php", {}) as page:
        assert page.status == 404
        assert page.fields["content-type"].startswith("application/json")
        assert "not_found" in page.text()


def test_a_web_server_in_front_of_the_web_server_hears_not_to_hold_tokens_back(stage: Stage) -> None:
    """By its defaults it speaks HTTP/1.0 and collects what comes."""
    with rig.running() as outer:
        passing = f"gzip off; location / {{ proxy_pass http://127.0.0.1:{stage.browser.port}; }}"
        port = outer.nginx(lambda port: f"server {{ listen 127.0.0.1:{port}; {passing} }}")
        with Browser(port).stream("/ask.php", prompt("outer", tokens=20)) as page:
            answer = Stream(0.0, [*page.events()])
    assert answer.numbers == [*range(20)]
    assert statistics.median(answer.gaps) > 0.03


def test_a_web_server_that_leads_to_the_main_socket_by_mistake_opens_nothing_to_browsers() -> None:
    """nginx by its defaults adds nothing to what it passes on: its HTTP/1.0 or the browser gives it away."""
    body = b'{"messages":[{"role":"user","content":"Hi"}]}'
    of_pages = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Cookie": "a=b"}
    json = {"Content-Type": "application/json"}
    with rig.running() as place:
        path = place.folder / "sidecar.sock"
        settings = {"SIDECAR_SOCKET": str(path), "SIDECAR_SOCKET_GROUP": str(place.user.pw_gid), "SIDECAR_TCP": "off"}
        with closing(Program(serve_command(None), cwd=place.folder, env=environment(**settings))) as sidecar:
            sidecar.wait_said("for the web server: ")
            port = place.nginx(
                lambda port: (
                    f"""server {{
                    listen 127.0.0.1:{port};
                    location / {{ proxy_pass http://unix:{path}; }}
                    location /newer/ {{ proxy_pass http://unix:{path}:/; proxy_http_version 1.1; }}
                }}"""
                )
            )
            ways: list[tuple[str, dict[str, str]]] = [("/", {}), ("/", of_pages)]
            ways += [("/newer/", {name: value}) for name, value in of_pages.items()]
            for prefix, fields in ways:
                with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as client:
                    client.request("POST", f"{prefix}v1/chat/completions", body, json | fields)
                    response = client.getresponse()
                    assert response.status == 403, (prefix, fields)
                    assert b"forbidden" in response.read()


@pytest.mark.parametrize("web_server", WEB_SERVERS)
def test_without_a_sidecar_the_browser_hears_it_at_once_and_a_new_one_serves_at_once(web_server: WebServer) -> None:
    with stages.built(web_server) as stage:
        stage.sidecar.end()
        with stage.browser.stream("/used.php", {}) as page:
            assert page.status in (502, 503)
        again = stage.start_sidecar()
        with closing(again), stage.browser.stream("/ask.php", prompt("again", tokens=2)) as page:
            assert [event.name for event in page.events()][-1] == "done"
