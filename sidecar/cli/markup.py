"""The readable text of a web page that lies in a file, by a library that not everybody needs."""

from sidecar.cli.advice import EX_UNAVAILABLE
from sidecar.cli.starting import StartFailed

SUFFIXES = (".html", ".htm")


def read_html(html: str) -> str:
    """Return the text of a page as Markdown, so that its headings can be seen; without scripts, images and links.

    Raises:
        StartFailed: the library is not there.
    """
    try:
        import html2text
    except ImportError:
        raise StartFailed(
            "To read HTML, html2text is needed: .venv/bin/pip install html2text, or the extra `html` of this package.",
            EX_UNAVAILABLE,
        ) from None
    reader = html2text.HTML2Text(bodywidth=0)
    reader.ignore_links = reader.ignore_images = reader.ignore_emphasis = True
    return reader.handle(html)
