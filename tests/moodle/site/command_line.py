"""What an administrator does to a Moodle from the command line."""

import shutil
import subprocess
from pathlib import Path

from tests.moodle.site.processes import run
from tests.moodle.site.tree import PLUGIN, Tree

CHECKOUT = Path(__file__).parents[3]


class CommandLine:
    """The scripts of an installed Moodle."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def php(self, script: str | Path, *arguments: str, stdin: str = "") -> str:
        """Run a script of Moodle's, or one of ours, and return what it printed."""
        command = ["php", "-d", "max_input_vars=5000", script, *arguments]
        return run(command, cwd=self.tree.folder, stdin=stdin)

    def set(self, name: str, setting: str, *, component: str = PLUGIN) -> None:
        """Change a setting of the plugin, or of another component."""
        place = [f"--component={component}"] if component != "core" else []
        self.php("admin/cli/cfg.php", *place, f"--name={name}", f"--set={setting}")

    def install_plugin(self, checkout: Path = CHECKOUT, *, anew: bool = False) -> None:
        """Put the plugin of that checkout in place of the one that is there; `anew`: with new tables too."""
        if anew and self.tree.plugin.exists():
            self.php("admin/cli/uninstall_plugins.php", f"--plugins={PLUGIN}", "--run")
        shutil.rmtree(self.tree.plugin, ignore_errors=True)
        package: list[str | Path] = [
            CHECKOUT / "scripts" / "moodle-package",
            "--from",
            checkout,
            "--stale",
            "--into",
            self.tree.plugin,
        ]
        subprocess.run(package, check=True, stdout=subprocess.DEVNULL)
        self.php("admin/cli/upgrade.php", "--non-interactive")
        self.php("admin/cli/purge_caches.php")
