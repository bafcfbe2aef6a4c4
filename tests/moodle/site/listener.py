"""What a screen reader says of a page by itself: what comes into its live regions, as WAI-ARIA has it.

`aria-live`, and the roles that stand for it; `aria-busy`, at whose end what came meanwhile is said; `aria-relevant` as
it is without being written: what is added, and text. What nobody sees is not said either.
"""

from playwright.sync_api import Page

_LISTEN = """() => {
    const REGIONS = '[aria-live], [role="log"], [role="status"], [role="alert"]';
    let waiting = [];
    window.heard = [];
    const say = node => {
        const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
        const region = element?.closest?.(REGIONS);
        if (!node.isConnected || !region || region.getAttribute('aria-live') === 'off' || !element.checkVisibility()) {
            return;
        }
        if (element.closest('[aria-busy="true"]')) {
            waiting.push(node);
            return;
        }
        const text = (element.innerText ?? '').trim();
        if (text) {
            window.heard.push(text);
        }
    };
    const hear = changes => {
        const nodes = new Set(changes.flatMap(change => {
            if (change.type === 'attributes') {
                const later = change.attributeName === 'aria-busy' ? waiting : [];
                waiting = later === waiting ? [] : waiting;
                return later;
            }
            return change.type === 'characterData' ? [change.target] : [...change.addedNodes];
        }));
        // What is within something else that is new is said with it.
        [...nodes].filter(node => ![...nodes].some(other => other !== node && other.contains(node))).forEach(say);
    };
    new MutationObserver(hear).observe(document.body, {
        childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ['aria-busy'],
    });
}"""


class Listener:
    """Who hears a page from now on."""

    def __init__(self, page: Page) -> None:
        self._page = page
        page.evaluate(_LISTEN)

    @property
    def heard(self) -> list[str]:
        """What was said so far, one announcement after the other."""
        said: list[str] = self._page.evaluate("window.heard")
        return said
