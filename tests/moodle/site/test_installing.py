"""An administrator who has nothing but a browser installs the zip, and a student chats."""

import re
import subprocess
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.moodle.site.command_line import CHECKOUT
from tests.moodle.site.conftest import Visit
from tests.moodle.site.processes import give
from tests.moodle.site.stage import Stage, says


def test_the_zip_is_installed_in_the_browser(
    stage_without_plugin: Stage, visit_without_plugin: Visit, tmp_path: Path
) -> None:
    stage = stage_without_plugin
    package = tmp_path / "local_aisidecar.zip"
    subprocess.run([CHECKOUT / "scripts" / "moodle-package", "--output", package], check=True)
    # As Moodle asks for it: the web server may write where plugins are.
    give(stage.site.tree.plugin.parent)

    administrator = visit_without_plugin("admin")
    page = administrator.page
    administrator.go("/admin/tool/installaddon/index.php")
    _choose(page, package)
    page.locator("#id_submitbutton").click()

    console = page.locator(".plugin-install-console")
    expect(console).to_contain_text("Validation successful, installation can continue")
    said = console.inner_text()
    print(said)
    # Moodle warns of whatever is not called stable yet, and has nothing else to say.
    assert [line.strip() for line in said.splitlines() if re.search("Warning|Error", line)] in (
        [],
        ["[Warning] Declared maturity level [MATURITY_BETA]"],
    )
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_role("heading", name="Server checks")).to_be_visible()
    expect(page.get_by_text("Your server environment meets all minimum requirements.")).to_be_visible()
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_role("row", name="AI assistant (sidecar)")).to_contain_text("To be installed")
    page.get_by_role("button", name="Upgrade Moodle database now").click()
    expect(page.locator("body")).to_contain_text("local_aisidecar")
    expect(page.locator(".alert-danger, .alert-warning, .notifyproblem")).to_have_count(0)
    page.get_by_role("button", name="Continue").click()

    # New settings: there is nothing that must be filled in, but the socket is elsewhere here.
    page.locator("#id_s_local_aisidecar_socket").fill(str(stage.site.folder / "sidecar.sock"))
    page.get_by_role("button", name="Save changes").first.click()
    expect(page.locator("#id_s_local_aisidecar_socket")).to_have_count(0)

    administrator.go("/report/status/index.php?detail=local_aisidecar_sidecar")
    expect(page.locator("body")).to_contain_text("is running and ready")
    administrator.go("/local/aisidecar/delivery.php")
    administrator.expected.append("/ai-stream/")
    page.locator('[data-region="delivery"] [data-action="run"]').click()
    expect(page.locator('[data-region="summary"]')).to_contain_text("nginx")

    student = visit_without_plugin()
    student.go_to_course()
    student.drawer.ask(f"Are you new here? {stage.script('new', says('Since a minute ago.'))}")
    student.drawer.wait_for_end("Since a minute ago.")


def _choose(page: Page, package: Path) -> None:
    """Upload a file by Moodle's own picker."""
    page.get_by_role("button", name="Choose a file").click()
    picker = page.locator(".file-picker")
    picker.get_by_text("Upload a file", exact=True).click()
    picker.locator("input[name=repo_upload_file]").set_input_files(package)
    picker.locator(".fp-upload-btn").click()
    expect(page.locator(".filepicker-filename")).to_contain_text(package.name)
