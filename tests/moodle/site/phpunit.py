"""Moodle's own PHPUnit, for the plugin's component.

Moodle wants it from composer. Here it is any PHPUnit that is there: 9.6 for Moodle 4.5 (Debian's), 11 from 5.0 on.
"""

import subprocess
from pathlib import Path

from tests.moodle.site.command_line import CommandLine
from tests.moodle.site.processes import Failed, give
from tests.moodle.site.tree import PLUGIN

DEBIAN = Path("/usr/share/php/PHPUnit/Autoload.php")

# What composer would make in vendor/: Moodle looks for these files, and composer.json has the two names of classes.
_AUTOLOAD = """<?php
require_once('%(autoload)s');
spl_autoload_register(function (string $class): void {
    foreach (['core_testing' => 'testing', 'core_phpunit' => 'phpunit'] as $prefix => $folder) {
        $name = str_replace('\\\\', '/', substr($class, strlen($prefix) + 1));
        $path = "%(public)s/lib/{$folder}/classes/{$name}.php";
        if (str_starts_with($class, $prefix . '\\\\') && is_file($path)) {
            require_once($path);
        }
    }
});
// Moodle 5.1 asks composer's own whether it is optimised.
return class_exists('Composer\\Autoload\\ClassLoader', false)
    ? current(Composer\\Autoload\\ClassLoader::getRegisteredLoaders())
    : null;
"""
_PHPUNIT = """<?php
require(__DIR__ . '/../autoload.php');
exit(class_exists('PHPUnit\\TextUI\\Application')
    ? (new PHPUnit\\TextUI\\Application())->run($_SERVER['argv'])
    : PHPUnit\\TextUI\\Command::main());
"""


def run_phpunit(moodle: CommandLine, *arguments: str, autoload: Path = DEBIAN) -> str:
    """Run the plugin's tests, with a database of their own that is made the first time, and return what PHPUnit says.

    The locale en_AU.UTF-8 must be there.

    Raises:
        Failed: a test failed.
    """
    public = moodle.tree.public
    vendor = moodle.tree.folder / "vendor"
    for name, content in (
        ("autoload.php", _AUTOLOAD % {"autoload": autoload, "public": public}),
        ("bin/phpunit", _PHPUNIT),
        ("phpunit/phpunit/composer.json", "{}"),
    ):
        path = vendor / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(content)
    give(moodle.tree.folder, public)
    util = public / "admin" / "tool" / "phpunit" / "cli" / "util.php"
    try:
        moodle.php(util, "--diag")
    except Failed:
        moodle.php(util, "--drop")
        moodle.php(util, "--install")
    moodle.php(util, "--buildconfig")
    return moodle.php("vendor/bin/phpunit", "--testsuite", f"{PLUGIN}_testsuite", *arguments)


def run_phpcs(command: str, folder: Path) -> str:
    """Check an installed plugin by such a command, with a standard; the client is no part of it: its style is its own.

    Raises:
        Failed: it found something.
    """
    done = subprocess.run([*command.split(), "--ignore=*/client/*", folder], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(done.stdout + done.stderr)
    return done.stdout
