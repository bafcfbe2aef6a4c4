"""The assistant in a browser's page, as who sits before it uses and sees it."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.moodle.site.moodle import PASSWORD, Site

ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
CHROMIUM = "/usr/bin/chromium"

# The machine may be busy; nothing here is about speed but what says so.
PATIENCE_MS = 40_000

expect.set_options(timeout=PATIENCE_MS)

# Notes when the text of the last answer grew, in the page itself: what a reader sees, and when.
_WATCH = """() => {
    window.grown = [];
    let last = '';
    new MutationObserver(() => {
        const texts = document.querySelectorAll('[data-region="answer"] [data-region="text"]');
        const text = texts.length ? texts[texts.length - 1].textContent : '';
        if (text.length > last.length) {
            window.grown.push([performance.now(), text.length]);
        }
        last = text;
    }).observe(document.querySelector('[data-region="log"]'), {childList: true, subtree: true, characterData: true});
}"""


class Visitor:
    """A user in a browser of their own.

    `requested` has every address that their pages asked for, `answered` the addresses with the status of their answers,
    `errors` what broke in them.
    """

    def __init__(self, browser: Browser, site: Site, username: str, *, states: Path, phone: bool = False) -> None:
        self.site = site
        self.username = username
        self.requested: list[str] = []
        self.answered: list[tuple[str, int]] = []
        self.errors: list[str] = []
        # MathJax comes from where Moodle's setting says; the tests have no internet.
        self.expected = ["cdn.jsdelivr.net"]
        """What may fail without being an error: parts of addresses."""
        screen: dict[str, Any] = (
            {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
            if phone
            else {"viewport": {"width": 1280, "height": 800}}
        )
        # Who has been here before need not log in again.
        state = states / f"{site.port}-{username}.json"
        self.context: BrowserContext = browser.new_context(
            **screen,
            storage_state=str(state) if state.exists() else None,
            permissions=["clipboard-read", "clipboard-write"],
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.route(lambda url: not url.startswith(site.url), lambda route: route.abort())
        self.page = self.new_page()
        if not state.exists():
            self._log_in()
            self.context.storage_state(path=str(state))

    def new_page(self) -> Page:
        """Open another tab."""
        page = self.context.new_page()
        page.on("request", lambda request: self.requested.append(request.url))
        page.on("response", lambda response: self.answered.append((response.url, response.status)))
        page.on("pageerror", lambda error: self._note_thrown(str(error)))
        page.on("console", lambda message: self._note(message.type, message.text, message.location.get("url", "")))
        return page

    def go(self, path: str) -> None:
        """Open a page of the site."""
        self.page.goto(f"{self.site.url}{path}")

    def go_to_course(self, name: str = "physics") -> None:
        self.go(f"/course/view.php?id={self.site.places['courses'][name]}")

    def go_to_page(self, name: str = "pendulum") -> None:
        self.go(f"/mod/page/view.php?id={self.site.places['modules'][name]}")

    def call(self, service: str, **arguments: object) -> dict[str, Any]:
        """Call a web service as a script of the page would, and return `error` with `data` or `exception`."""
        answers: list[dict[str, Any]] = self.page.evaluate(
            """([service, args]) => fetch(`${M.cfg.wwwroot}/lib/ajax/service.php?sesskey=${M.cfg.sesskey}`, {
                method: 'POST',
                body: JSON.stringify([{index: 0, methodname: service, args}]),
            }).then(response => response.json())""",
            [service, arguments],
        )
        return answers[0]

    def stream(self, **fields: object) -> tuple[int, str]:
        """Post to stream.php as a script in the page would, and return status and body."""
        self.expected.append("/local/aisidecar/stream.php")
        status, body = self.page.evaluate(
            """fields => fetch(`${M.cfg.wwwroot}/local/aisidecar/stream.php`, {
                method: 'POST',
                body: new URLSearchParams({sesskey: M.cfg.sesskey, ...fields}),
            }).then(async response => [response.status, await response.text()])""",
            fields,
        )
        return status, body

    @property
    def context_id(self) -> int:
        """Of the page."""
        number: int = self.page.evaluate("M.cfg.contextid")
        return number

    @property
    def drawer(self) -> "Drawer":
        return Drawer(self.page)

    def close(self) -> None:
        self.context.close()

    def _log_in(self) -> None:
        self.go("/login/index.php")
        self.page.fill("#username", self.username)
        self.page.fill("#password", PASSWORD)
        self.page.click("#loginbtn")
        expect(self.page.locator("#user-menu-toggle")).to_be_visible()

    def _note_thrown(self, said: str) -> None:
        # What Moodle 5.1 throws where a script does not load, which here is MathJax.
        if said != "Event":
            self.errors.append(said)

    def _note(self, kind: str, text: str, source: str) -> None:
        if kind == "error" and not any(expected in f"{source} {text}" for expected in self.expected):
            self.errors.append(f"{text} ({source})")


class Drawer:
    """The drawer on a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator('[data-region="local_aisidecar"]')
        self.launcher = self.root.locator('[data-region="launcher"]')
        self.message = self.root.locator("textarea#local_aisidecar-message")
        self.answers = self.root.locator('[data-region="log"] [data-region="answer"]')
        self.questions = self.root.locator('[data-region="log"] [data-region="question"]')
        self.notices = self.root.locator('[data-region="scroller"] [data-region="notice"]')
        self.refusals = self.root.locator('[data-region="refusal"] [data-region="notice"]')

    def action(self, name: str) -> Locator:
        """Return the button of the drawer that does this, such as `send` or `stop`."""
        return self.root.locator(f'[data-region="assistant"] [data-action="{name}"]')

    @property
    def text(self) -> Locator:
        """Of the last answer."""
        return self.answers.last.locator('[data-region="text"]')

    def open(self) -> None:
        """Open it, and wait until it can be used."""
        # A tab opens it by itself where it was open on the page before: that is decided when the plugin shows itself.
        expect(self.root).not_to_have_attribute("hidden", "")
        if self.launcher.get_attribute("aria-expanded") != "true":
            self.launcher.click()
        expect(self.root.locator('[data-region="assistant"]')).to_be_visible()
        expect(self.root.locator('[data-region="loading"]')).to_be_hidden()

    def write(self, text: str) -> None:
        """Write into the field and send it."""
        self.message.fill(text)
        self.action("send").click()

    def ask(self, text: str) -> None:
        """Send it in a conversation of its own."""
        self.open()
        self.action("new").click()
        expect(self.answers).to_have_count(0)
        self.write(text)

    def wait_for_end(self, text: str | None = None) -> None:
        """Wait until the last answer is whole, and says that where a text is given."""
        if text is not None:
            expect(self.text).to_contain_text(text)
        expect(self.action("stop")).to_be_hidden()
        expect(self.action("send")).to_be_visible()

    def watch(self) -> None:
        """Note from now on when the last answer grows."""
        self.page.evaluate(_WATCH)

    def growth(self) -> list[tuple[float, int]]:
        """Return when it grew, in milliseconds, and how long it was then."""
        return [(at, length) for at, length in self.page.evaluate("window.grown")]
