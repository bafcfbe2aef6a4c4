"""nginx, Apache and php-fpm as real processes in one folder, for the tests of what stands between a browser and us.

They run without any right of root: where the tests run as root, as the user of web servers (`www-data`), to whom the
folder is given; else as whoever runs the tests. What is not said in a test is as Debian sets it up.
"""

import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

PATIENCE_SECONDS = 15.0

# Where administrators' programs are, which the PATH of other users may lack.
_PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"

# Below the ports that the kernel gives to outgoing connections.
_PORTS = range(20_000, 32_000)
_TRIES = 5

_NGINX = """
daemon off;
worker_processes 1;
pid nginx.pid;
error_log nginx.log warn;
events { worker_connections 768; }
http {
    include mime.types;
    default_type application/octet-stream;
    sendfile on;
    tcp_nopush on;
    access_log access.log;
    client_body_temp_path temp-body;
    proxy_temp_path temp-proxy;
    fastcgi_temp_path temp-fastcgi;
    scgi_temp_path temp-scgi;
    uwsgi_temp_path temp-uwsgi;
    # Some compress everything that is text.
    gzip on;
    gzip_proxied any;
    gzip_min_length 0;
    gzip_types text/plain text/css application/json text/event-stream;
    include site.conf;
}
"""

_APACHE_MODULES = (
    "mpm_event authz_core authz_host access_compat alias dir env mime deflate filter headers reqtimeout rewrite "
    "setenvif proxy proxy_http proxy_fcgi"
).split()

_APACHE = """
%(modules)s
ServerRoot %(folder)s
DefaultRuntimeDir %(folder)s
PidFile apache.pid
ServerName localhost
Listen 127.0.0.1:%(port)d
Timeout 300
KeepAlive On
ErrorLog %(folder)s/apache2.log
LogLevel warn
TypesConfig /dev/null
LogFormat "%%h %%l %%u %%t \\"%%r\\" %%>s %%O" common
CustomLog access.log common
# Debian's mpm_event.conf, deflate.conf and reqtimeout.conf; the last filter is some administrators' own.
StartServers 2
MinSpareThreads 25
MaxSpareThreads 75
ThreadLimit 64
ThreadsPerChild 25
MaxRequestWorkers 150
AddOutputFilterByType DEFLATE text/html text/plain text/css application/json
AddOutputFilterByType DEFLATE text/event-stream
RequestReadTimeout header=20-40,minrate=500
RequestReadTimeout body=10,minrate=500
Include %(folder)s/site.conf
"""

_PHP_FPM = """
[global]
daemonize = no
error_log = %(folder)s/php-fpm.log
[www]
listen = %(folder)s/php.sock
pm = static
pm.max_children = %(workers)d
catch_workers_output = yes
php_admin_flag[log_errors] = on
php_admin_value[error_log] = %(folder)s/php.log
%(ini)s
"""


class Rig:
    """The folder, and the servers in it. `pages` is where PHP finds its scripts."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.pages = folder / "pages"
        self.pages.mkdir()
        self._stack = stack
        self.user = pwd.getpwnam("www-data") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        """As whom the servers run."""
        self._give(folder, self.pages)

    def php_fpm(self, *, workers: int = 4, ini: Mapping[str, str] = {}) -> Path:
        """Start a pool of so many workers, and return its socket. `ini` goes over Debian's php.ini of php-fpm."""
        lines = "".join(f"php_admin_value[{name}] = {setting}\n" for name, setting in ini.items())
        self._write("php-fpm.conf", _PHP_FPM % {"folder": self.folder, "workers": workers, "ini": lines})
        path = self.folder / "php.sock"
        server = self._start("php-fpm", [_php_fpm(), "-F", "-y", "php-fpm.conf"])
        assert server.is_up(lambda: _connect(path)), server.said
        return path

    def nginx(self, site: Callable[[int], str], *, at: int | None = None) -> int:
        """Start nginx and return its port, one that is free unless it is said which.

        `site` gives the `server` blocks that listen on 127.0.0.1 and that port.
        """
        self._write("nginx.conf", _NGINX)
        for name in ("mime.types", "fastcgi_params", "fastcgi.conf"):
            shutil.copyfile(Path("/etc/nginx", name), self.folder / name)
        command = ["nginx", "-p", f"{self.folder}/", "-c", f"{self.folder}/nginx.conf", "-e", "nginx.log"]
        return self._start_on_port("nginx", command, lambda port: self._write("site.conf", site(port)), at)

    def apache(self, site: Callable[[int], str], *, at: int | None = None) -> int:
        """As `nginx`, for Apache (mpm_event); `site` gives the `VirtualHost`."""
        modules = "\n".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in _APACHE_MODULES
        )

        def write(port: int) -> None:
            self._write("site.conf", site(port))
            self._write("apache.conf", _APACHE % {"folder": self.folder, "modules": modules, "port": port})

        return self._start_on_port(
            "apache2", ["apache2", "-f", f"{self.folder}/apache.conf", "-DFOREGROUND"], write, at
        )

    def page(self, name: str, script: str) -> None:
        """Write a PHP script."""
        (self.pages / name).write_text(script)

    def _start_on_port(self, name: str, command: Sequence[str], write: Callable[[int], None], at: int | None) -> int:
        for _ in range(_TRIES):
            port = at or _free_port()
            write(port)
            server = self._start(name, command)
            if server.is_up(lambda port=port: _connect(port)):  # type: ignore[misc]
                return port
            # Somebody else was faster with that port; anything else is our mistake.
            assert "Address already in use" in server.said, server.said
        raise AssertionError("no port was free")

    def _start(self, name: str, command: Sequence[str]) -> "_Server":
        server = _Server(name, command, self.folder, self.user)
        self._stack.callback(server.close)
        return server

    def _write(self, name: str, content: str) -> None:
        (self.folder / name).write_text(content)

    def _give(self, *paths: Path) -> None:
        for path in paths:
            path.chmod(0o755)
            if os.geteuid() == 0:
                os.chown(path, self.user.pw_uid, self.user.pw_gid)


@contextmanager
def running() -> Iterator[Rig]:
    """Give a rig whose servers end with the block, in a folder that their user can enter: pytest's are private."""
    with tempfile.TemporaryDirectory(prefix="web-") as folder, ExitStack() as stack:
        yield Rig(Path(folder), stack)


class _Server:
    """One server. What it says goes to a file, as one that it may open again: a pipe of ours it may not."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, user: pwd.struct_passwd) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        with self._log.open("ab") as log:
            os.chown(self._log, user.pw_uid, user.pw_gid)
            self._process: subprocess.Popen[bytes] = subprocess.Popen(  # type: ignore[call-overload]
                command, cwd=folder, env={"PATH": _PATH}, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **as_user
            )

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def is_up(self, look: Callable[[], bool]) -> bool:
        """Wait until `look` finds it there; False where it has ended instead."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._process.poll() is None:
            if look():
                return True
            assert time.monotonic() < deadline, self.said
            time.sleep(0.01)
        return False

    def close(self) -> None:
        """End it, with its workers: all three end at once by SIGTERM."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()
        print(f"{self.name}: {self.said}")  # pytest shows it where a test fails


def _php_fpm() -> str:
    """Return the command: Debian's name has the version in it."""
    version = subprocess.run(
        ["php", "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;"], check=True, capture_output=True, text=True
    ).stdout
    found = shutil.which(f"php-fpm{version}", path=_PATH)
    assert found is not None, f"php-fpm{version} is not there: scripts/test installs it"
    return found


def _free_port() -> int:
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port


def _connect(where: Path | int) -> bool:
    family = socket.AF_UNIX if isinstance(where, Path) else socket.AF_INET
    with socket.socket(family) as probe:
        try:
            probe.connect(str(where) if isinstance(where, Path) else ("127.0.0.1", where))
        except OSError:
            return False
    return True
