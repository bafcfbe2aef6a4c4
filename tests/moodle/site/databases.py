"""MariaDB or PostgreSQL as a server of the site's own: its files in one folder, a socket, no port."""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Literal

from tests.moodle.site.processes import Daemon, Failed, give, run

DatabaseKind = Literal["mariadb", "pgsql"]
DATABASES: tuple[DatabaseKind, ...] = ("mariadb", "pgsql")
NAME = "moodle"

# Faster, and nobody's: what a crash of the machine would take from it is made anew.
_MARIADB = (
    "--no-defaults --skip-networking --skip-log-bin --innodb-log-file-size=48M --innodb-buffer-pool-size=256M "
    "--innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 "
    "--character-set-server=utf8mb4 --collation-server=utf8mb4_unicode_ci"
).split()
_POSTGRESQL = ("-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c listen_addresses=").split()


class Database:
    """A running server. `config` is its part of Moodle's config.php."""

    def __init__(self, kind: DatabaseKind, folder: Path) -> None:
        """Start the server on what is in `folder`, or make that where there is nothing."""
        self.kind: DatabaseKind = kind
        is_new = not folder.exists()
        if is_new:
            folder.mkdir(parents=True)
            give(folder)
        folder.chmod(0o700)
        self._daemon = (_start_mariadb if kind == "mariadb" else _start_postgresql)(folder, is_new)
        self.config = _CONFIG % {
            "kind": kind,
            "user": "root" if kind == "mariadb" else "moodle",
            "socket": folder / "db.sock" if kind == "mariadb" else folder,
            "collation": "'dbcollation' => 'utf8mb4_unicode_ci'," if kind == "mariadb" else "",
        }

    def close(self) -> None:
        self._daemon.close()


_CONFIG = """
$CFG->dbtype = '%(kind)s';
$CFG->dblibrary = 'native';
$CFG->dbhost = 'localhost';
$CFG->dbname = 'moodle';
$CFG->dbuser = '%(user)s';
$CFG->dbpass = '';
$CFG->prefix = 'mdl_';
$CFG->dboptions = ['dbsocket' => '%(socket)s', %(collation)s];
"""


def _start_mariadb(folder: Path, is_new: bool) -> Daemon:
    if is_new:
        run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={folder}", "--auth-root-authentication-method=normal",
             "--skip-test-db", "--skip-name-resolve"],
            cwd=folder,
        )  # fmt: skip
    socket = folder / "db.sock"
    places = [f"--datadir={folder}", f"--socket={socket}", f"--pid-file={folder}/db.pid", f"--tmpdir={folder}"]
    daemon = Daemon([_find("mariadbd"), *_MARIADB, *places], cwd=folder, log=folder / "db.log")
    client = ["mariadb", "--no-defaults", f"--socket={socket}", "--user=root"]
    daemon.wait_until(lambda: _succeeds([*client, "--execute=SELECT 1"], folder))
    if is_new:
        run([*client, f"--execute=CREATE DATABASE {NAME} DEFAULT CHARACTER SET utf8mb4"], cwd=folder)
    return daemon


def _start_postgresql(folder: Path, is_new: bool) -> Daemon:
    if is_new:
        run(
            [
                _find("initdb"),
                "-D",
                folder,
                "-U",
                "moodle",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            cwd=folder,
        )
    daemon = Daemon([_find("postgres"), "-D", folder, "-k", folder, *_POSTGRESQL], cwd=folder, log=folder / "db.log")
    client: list[str | Path] = ["psql", "-q", "-h", folder, "-U", "moodle", "-d"]
    daemon.wait_until(lambda: _succeeds([*client, "postgres", "-c", "SELECT 1"], folder))
    if is_new:
        run([*client, "postgres", "-c", f"CREATE DATABASE {NAME}"], cwd=folder)
    return daemon


def _find(program: str) -> str:
    """Return where it is; Debian hides PostgreSQL's below its version."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    found = str(versions[-1]) if versions else shutil.which(program, path="/usr/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        raise Failed(f"{program} is not there: scripts/moodle-test installs it")
    return found


def _succeeds(command: list[str | Path], folder: Path) -> bool:
    with suppress(Failed):
        run(command, cwd=folder)
        return True
    return False
