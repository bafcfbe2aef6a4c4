"""A Moodle to try the plugin in by hand: python -m tests.moodle.site --help"""

import argparse
import signal
import sys
from contextlib import closing
from pathlib import Path

from tests.e2e.conftest import serve_command
from tests.e2e.program import Program, environment
from tests.moodle.site import moodle
from tests.moodle.site.command_line import CHECKOUT, CommandLine
from tests.moodle.site.databases import DATABASES
from tests.moodle.site.moodle import ADMINISTRATOR, PASSWORD, Site, Wanted
from tests.moodle.site.phpunit import DEBIAN, run_phpunit
from tests.moodle.site.processes import Failed
from tests.moodle.site.tree import Tree

CACHE = Path("/var/tmp/moodle-site")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.moodle.site", description=__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"where sites and snapshots are kept ({CACHE})")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="install a new site, and run it until this ends")
    up.add_argument("--moodle", type=Path, required=True, help="a Moodle, 4.5 or later: nothing is written there")
    up.add_argument("--database", choices=DATABASES, default="mariadb")
    up.add_argument("--web-server", choices=["nginx", "apache"], default="nginx")
    up.add_argument("--workers", type=int, default=12, help="of php-fpm (12)")
    up.add_argument("--provider", default="demo", help="SIDECAR_PROVIDER (demo)")
    up.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE", help="another one for the sidecar")
    refresh = commands.add_parser("refresh", help="put the plugin in again, and purge the caches")
    refresh.add_argument("--anew", action="store_true", help="uninstall it first, tables and all")
    php = commands.add_parser("php", help="run a script of Moodle's: admin/cli/cron.php, admin/cli/cfg.php ...")
    php.add_argument("script")
    php.add_argument("arguments", nargs=argparse.REMAINDER)
    phpunit = commands.add_parser(
        "phpunit", help="run the plugin's tests in a site that is up; the first time takes minutes"
    )
    phpunit.add_argument("--autoload", type=Path, default=DEBIAN, help=f"PHPUnit's, 11 from Moodle 5.0 on ({DEBIAN})")
    phpunit.add_argument("arguments", nargs=argparse.REMAINDER)
    for command in (up, refresh, php, phpunit):
        command.add_argument("--port", type=int, required=True, help="of the web server, and the site's name")
    for command in (up, refresh):
        command.add_argument("--plugin-from", type=Path, default=CHECKOUT, help="the checkout with plugin and sidecar")
    wanted = parser.parse_args()
    try:
        {"up": _up, "refresh": _refresh, "php": _php, "phpunit": _phpunit}[wanted.command](wanted)
    except Failed as exc:
        sys.exit(str(exc))


def _up(wanted: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parts = Wanted(
        moodle=wanted.moodle,
        folder=wanted.cache / str(wanted.port),
        snapshots=wanted.cache / "snapshots",
        database=wanted.database,
        web_server=wanted.web_server,
        workers=wanted.workers,
        port=wanted.port,
    )
    with moodle.running(parts) as site:
        settings = dict(moodle.settings_of_sidecar(site)) | {"SIDECAR_PROVIDER": wanted.provider}
        settings |= {"PYTHONPATH": str(wanted.plugin_from)} | dict(pair.split("=", 1) for pair in wanted.setting)
        with closing(Program(serve_command(None), cwd=site.folder, env=environment(**settings))) as sidecar:
            sidecar.wait_said("listening on ")
            if (wanted.plugin_from / "moodle" / "local_aisidecar" / "version.php").is_file():
                site.cli.install_plugin(wanted.plugin_from)
                site.cli.set("socket", str(site.folder / "sidecar.sock"))
            else:
                print("No plugin there yet: `refresh` puts it in.")
            _introduce(site)
            try:
                signal.pause()
            except KeyboardInterrupt:
                print("Ending ...")


def _introduce(site: Site) -> None:
    print(
        f"{site.url}: Moodle {site.tree.release} in {site.folder}",
        f"log in as {'/'.join(ADMINISTRATOR)}, or with the password {PASSWORD} as teacher, student, other (a second",
        "student), newcomer (has not accepted the policy), student01 ... student31",
        *(f"{site.url}/course/view.php?id={number}  {name}" for name, number in site.places["courses"].items()),
        *(f"course module {number}: {name}" for name, number in site.places["modules"].items()),
        f"the sidecar's socket: {site.folder / 'sidecar.sock'}; the log of PHP: {site.log}",
        "Ctrl-C ends it.",
        sep="\n",
        flush=True,
    )


def _refresh(wanted: argparse.Namespace) -> None:
    _command_line(wanted).install_plugin(wanted.plugin_from, anew=wanted.anew)


def _php(wanted: argparse.Namespace) -> None:
    print(_command_line(wanted).php(wanted.script, *wanted.arguments), end="")


def _phpunit(wanted: argparse.Namespace) -> None:
    print(run_phpunit(_command_line(wanted), *wanted.arguments, autoload=wanted.autoload))


def _command_line(wanted: argparse.Namespace) -> CommandLine:
    return CommandLine(Tree(wanted.cache / str(wanted.port) / "moodle"))


if __name__ == "__main__":
    main()
