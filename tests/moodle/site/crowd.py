"""A class of students who chat all at once, by HTTP and without a browser, for load.py.

Each asks, reads the answer as their delivery has it, and asks again, until the process is ended. It prints a line when
all have their first tokens, and each time that an answer has come.
"""

import itertools
import json
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.moodle.site.moodle import PASSWORD

QUESTION = "Explain the pendulum, its period, and why Huygens used it for clocks."
_TIMEOUT = httpx.Timeout(120)


class Student:
    """One of them, logged in."""

    def __init__(self, url: str, username: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=_TIMEOUT, follow_redirects=True, trust_env=False)
        page = self._client.get("/login/index.php").text
        form = {
            "username": username,
            "password": PASSWORD,
            "logintoken": _find(r'name="logintoken" value="(\w+)"', page),
        }
        page = self._client.post("/login/index.php", data=form).text
        assert '"sesskey":"' in page, username
        page = self._client.get("/my/").text
        self._sesskey = _find(r'"sesskey":"(\w+)"', page)
        self._username = username
        self._numbers = itertools.count()

    def open(self, path: str) -> float:
        """Open a page, and return how many seconds it took."""
        began = time.monotonic()
        answer = self._client.get(path)
        taken = time.monotonic() - began
        assert answer.status_code == 200, answer
        return taken

    def context_of(self, path: str) -> int:
        return int(_find(r'"contextid":(\d+)', self._client.get(path).text))

    def chat(self, context: int, begun: threading.Event) -> str:
        """Ask once and read all, and return how it came: the delivery, and `poll` behind it where that was full."""
        started = self._call(
            "local_aisidecar_start",
            contextid=context,
            action="chat",
            content=QUESTION,
            conversationid=0,
            key=f"{self._username}-{next(self._numbers)}-{time.time_ns()}",
            replaces=0,
        )
        number: int = started["answer"]["id"]
        delivery: str = started["delivery"]
        if delivery == "poll" or not self._stream(number, delivery, begun):
            delivery = delivery if delivery == "poll" else f"{delivery}, then poll"
            self._poll(number, begun)
        while self._call("local_aisidecar_finish", messageid=number)["status"] == "running":
            time.sleep(1)
        return delivery

    def _stream(self, number: int, delivery: str, begun: threading.Event) -> bool:
        form = {"messageid": number, "after": 0, "sesskey": self._sesskey, "delivery": delivery}
        plain = {"Accept-Encoding": "identity"}
        with self._client.stream("POST", "/local/aisidecar/stream.php", data=form, headers=plain) as answer:
            if answer.status_code == 503:
                return False
            if answer.status_code == 410:
                # It had to wait for a worker for so long that the answer is whole by now.
                begun.set()
                return True
            assert answer.status_code == 200, answer
            # As it comes and unread: thirty browsers are thirty machines, and these here are one with the server.
            last = b""
            for piece in answer.iter_raw():
                last = (last + piece)[-1000:]
                if b'"delta"' in piece:
                    begun.set()
            assert b'"event":"done"' in last, last
        return True

    def _poll(self, number: int, begun: threading.Event) -> None:
        after = 0
        while True:
            piece = self._call("local_aisidecar_read", messageid=number, after=after)
            begun.set()
            if piece["status"] != "running":
                return
            after = piece["after"]
            time.sleep(1)

    def _call(self, service: str, **arguments: object) -> dict[str, Any]:
        asked = [{"index": 0, "methodname": service, "args": arguments}]
        answer = self._client.post("/lib/ajax/service.php", params={"sesskey": self._sesskey}, json=asked).json()
        assert not answer[0]["error"], answer
        data: dict[str, Any] = answer[0]["data"]
        return data


def main(url: str, first: int, last: int, path: str) -> None:
    with ThreadPoolExecutor(last - first + 1) as pool:
        students = list(pool.map(lambda number: Student(url, f"student{number:02}"), range(first, last + 1)))
        context = students[0].context_of(path)
        begun = [threading.Event() for _ in students]

        def go_on(student: Student, has_begun: threading.Event) -> None:
            while True:
                print(json.dumps({"came": student.chat(context, has_begun)}), flush=True)

        for student, has_begun in zip(students, begun, strict=True):
            threading.Thread(target=go_on, args=(student, has_begun), daemon=True).start()
        for has_begun in begun:
            assert has_begun.wait(120)
        print(json.dumps({"begun": len(begun)}), flush=True)
        sys.stdin.read()
    sys.exit(0)


def _find(pattern: str, page: str) -> str:
    found = re.search(pattern, page)
    assert found is not None, pattern
    return found[1]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
