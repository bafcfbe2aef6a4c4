"""A site as container/ configures it: a web server with php-fpm behind it and the pages of pages/."""

import shutil
from pathlib import Path
from typing import Literal

from tests.webservers.rig import Rig

CHECKOUT = Path(__file__).parents[2]
WEB_SERVERS: "tuple[WebServer, ...]" = ("nginx", "apache")

WebServer = Literal["nginx", "apache"]


def start_site(rig: Rig, web_server: WebServer, *, workers: int = 4) -> int:
    """Start php-fpm with so many workers and the web server before it, and return its port.

    The sidecar is to listen on `sidecar.sock` and `web.sock` in the rig's folder.
    """
    for page in (CHECKOUT / "tests" / "webservers" / "pages").iterdir():
        shutil.copy(page, rig.pages)
    shutil.copytree(CHECKOUT / "moodle" / "client", rig.folder / "client")
    return start_web_server(rig, web_server, root=rig.pages, php_socket=rig.php_fpm(workers=workers))


def start_web_server(rig: Rig, web_server: WebServer, *, root: Path, php_socket: Path, at: int | None = None) -> int:
    """Start it before this pool of php-fpm and the scripts in `root`, and return its port."""
    snippets, start = ("snippets", rig.nginx) if web_server == "nginx" else ("conf-available", rig.apache)
    (rig.folder / snippets).mkdir(exist_ok=True)
    snippet = _configuration(rig, f"{web_server}-sidecar.conf", root, php_socket)
    (rig.folder / snippets / f"{web_server}-sidecar.conf").write_text(snippet)
    site = _configuration(rig, f"{web_server}.conf", root, php_socket)
    return start(lambda port: _at_port(site, port), at=at)


def _configuration(rig: Rig, name: str, root: Path, php_socket: Path) -> str:
    """Return a file of container/ with this rig's places instead of Debian's."""
    written = (CHECKOUT / "container" / name).read_text()
    for debian, ours in (
        ("/run/openai-moodle-sidecar/", f"{rig.folder}/"),
        ("/run/php/php8.2-fpm.sock", str(php_socket)),
        ("/var/www/moodle", str(root)),
        ("conf-available/", f"{rig.folder}/conf-available/"),
    ):
        written = written.replace(debian, ours)
    return written


def _at_port(site: str, port: int) -> str:
    at_port = site.replace("listen 80;", f"listen 127.0.0.1:{port};").replace("*:80>", f"127.0.0.1:{port}>")
    assert at_port != site
    return at_port
