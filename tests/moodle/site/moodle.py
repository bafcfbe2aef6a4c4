"""A whole site in one folder: Moodle with its database, php-fpm and web server, and the sidecar beside it."""

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.moodle.site.command_line import CommandLine
from tests.moodle.site.databases import Database, DatabaseKind
from tests.moodle.site.processes import ENVIRONMENT, give
from tests.moodle.site.tree import PLUGIN, Tree
from tests.webservers.rig import Rig
from tests.webservers.sites import WebServer, start_web_server

CONTENT = Path(__file__).with_name("content.php")

ADMINISTRATOR = ("admin", "moodle")
PASSWORD = "moodle"
"""Of everybody; the users are in content.php."""

# What Moodle's documentation asks for.
_INI = {
    "max_input_vars": "5000",
    "memory_limit": "256M",
    "opcache.memory_consumption": "192",
    "opcache.max_accelerated_files": "20000",
    "opcache.interned_strings_buffer": "16",
}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a site is to be."""

    moodle: Path
    folder: Path
    """Of this site alone, with a short name: sockets are in it."""
    snapshots: Path
    """Where freshly installed databases are kept, for the next start."""
    database: DatabaseKind = "mariadb"
    web_server: WebServer = "nginx"
    workers: int = 12
    port: int | None = None
    debugging: bool = True


class Site:
    """A running one. Its paths: `tree.folder` (Moodle), `folder/data` (moodledata), `folder/php.log`."""

    def __init__(self, wanted: Wanted, stack: ExitStack) -> None:
        self.folder = wanted.folder
        self.log = wanted.folder / "php.log"
        self._wanted = wanted
        self.tree = Tree.copied(wanted.moodle, wanted.folder / "moodle")
        self.cli = CommandLine(self.tree)
        self._data = wanted.folder / "data"
        self._forced = wanted.folder / "forced.json"
        self.force()
        is_installed = self._restore()
        self.database = Database(wanted.database, wanted.folder / "database")
        stack.callback(lambda: self.database.close())
        rig = Rig(wanted.folder, stack)
        pool = rig.php_fpm(workers=wanted.workers, ini=_INI)
        self.port = start_web_server(rig, wanted.web_server, root=self.tree.public, php_socket=pool, at=wanted.port)
        self._configure()
        if not is_installed:
            self._install()
            self._keep()
        self.places: dict[str, dict[str, int]] = json.loads((self._data / "places.json").read_text())
        """Ids of `courses` and `modules` (pages and activities), by the names that content.php gives them."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def force(self, **settings: object) -> None:
        """Let config.php say this of the plugin, where no administrator's browser can change it, and nothing else."""
        # A file of its own, which no cache of PHP's keeps: it holds for the next request.
        making = self._forced.with_suffix(".new")
        making.write_text(json.dumps({PLUGIN: settings}))
        making.rename(self._forced)

    def _configure(self) -> None:
        level = "E_ALL" if self._wanted.debugging else "0"
        self.tree.configure(
            f"{self.database.config}\n$CFG->wwwroot = '{self.url}';\n$CFG->dataroot = '{self._data}';\n"
            f"$CFG->admin = 'admin';\n$CFG->directorypermissions = 02777;\n$CFG->noemailever = true;\n"
            f"$CFG->debug = {level};\n$CFG->debugdisplay = 0;\n"
            f"$CFG->forced_plugin_settings = json_decode(file_get_contents('{self._forced}'), true);\n"
            f"$CFG->phpunit_dataroot = '{self.folder}/phpunit';\n$CFG->phpunit_prefix = 'phpu_';"
        )

    def _install(self) -> None:
        self._data.mkdir()
        give(self._data)
        name, password = ADMINISTRATOR
        self.cli.php(
            "admin/cli/install_database.php",
            "--agree-license",
            f"--adminuser={name}",
            f"--adminpass={password}",
            "--adminemail=admin@example.org",
            "--fullname=Example School",
            "--shortname=School",
        )
        (self._data / "places.json").write_text(self.cli.php(CONTENT, str(self.tree.folder)))

    @property
    def _snapshot(self) -> Path:
        content = hashlib.sha256(CONTENT.read_bytes()).hexdigest()[:8]
        return self._wanted.snapshots / f"{self.tree.version}-{self._wanted.database}-{content}"

    def _restore(self) -> bool:
        """Take database and data from the snapshot, where there is one."""
        if not self._snapshot.exists():
            return False
        _copy(self._snapshot / "database", self.folder / "database")
        _copy(self._snapshot / "data", self._data)
        return True

    def _keep(self) -> None:
        """Keep database and data for the next start."""
        self.cli.php("admin/cli/purge_caches.php")
        self.database.close()
        self._wanted.snapshots.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=self._wanted.snapshots, prefix="making-"))
        _copy(self.folder / "database", making / "database")
        _copy(self._data, making / "data")
        with suppress(OSError):  # another site was faster
            making.rename(self._snapshot)
        shutil.rmtree(making, ignore_errors=True)
        self.database = Database(self._wanted.database, self.folder / "database")


@contextmanager
def running(wanted: Wanted) -> Iterator[Site]:
    """Give a new site whose programs end with the block; its folder stays, for who wants to look."""
    shutil.rmtree(wanted.folder, ignore_errors=True)
    wanted.folder.mkdir(parents=True)
    with ExitStack() as stack:
        yield Site(wanted, stack)


def settings_of_sidecar(site: Site) -> Mapping[str, str]:
    """Return what a sidecar needs to be this site's."""
    return {
        "SIDECAR_SOCKET": str(site.folder / "sidecar.sock"),
        "SIDECAR_SOCKET_GROUP": str(site.folder.stat().st_gid),
        "SIDECAR_TCP": "off",
    }


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True, env=ENVIRONMENT)
