"""Words that come one at a time."""

import re
import threading

from playwright.sync_api import expect

from tests.moodle.site.drawer import Drawer
from tests.moodle.site.stage import Stage, tokens

WORDS = 12


def read_by_student(drawer: Drawer, stage: Stage, name: str) -> None:
    """Ask, and let the provider write each word when the one before it is on the screen.

    Whatever keeps words back on the way, for others to come, keeps this back for ever, however busy the machine is.
    """
    permits = threading.Semaphore(0)
    drawer.ask(f"One by one. {stage.script(name, tokens(WORDS, permits=permits))}")
    for number in range(1, WORDS + 1):
        permits.release()
        expect(drawer.text).to_have_text(re.compile(rf"word{number}\s*$"))
    drawer.wait_for_end(f"word{WORDS}")
