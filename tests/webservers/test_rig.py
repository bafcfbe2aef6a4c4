"""The rig itself: each server serves, and PHP behind it."""

import urllib.request
from collections.abc import Callable

import pytest

from tests.webservers.rig import Rig, running


def _nginx(rig: Rig) -> int:
    socket = rig.php_fpm(workers=2)
    return rig.nginx(
        lambda port: (
            f"""
        server {{
            listen 127.0.0.1:{port};
            location / {{
                include fastcgi.conf;
                fastcgi_param SCRIPT_FILENAME {rig.pages}$fastcgi_script_name;
                fastcgi_pass unix:{socket};
            }}
        }}
        """
        )
    )


def _apache(rig: Rig) -> int:
    socket = rig.php_fpm(workers=2)
    return rig.apache(
        lambda port: (
            f"""
        <VirtualHost 127.0.0.1:{port}>
            DocumentRoot {rig.pages}
            <Directory {rig.pages}>
                Require all granted
            </Directory>
            <FilesMatch "\\.php$">
                SetHandler "proxy:unix:{socket}|fcgi://localhost"
            </FilesMatch>
        </VirtualHost>
        """
        )
    )


@pytest.mark.parametrize("start", [_nginx, _apache])
def test_a_page_is_served_by_php(start: Callable[[Rig], int]) -> None:
    with running() as rig:
        port = start(rig)
        rig.page("hello.php", "<?php echo 'Hello, ', $_GET['who'];")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/hello.php?who=you") as response:
            assert response.read() == b"Hello, you"
