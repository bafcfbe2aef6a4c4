<?php
// This file is part of Moodle - https://moodle.org/
//
// Moodle is free software: you can redistribute it and/or modify
// it under the terms of the GNU General Public License as published by
// the Free Software Foundation, either version 3 of the License, or
// (at your option) any later version.
//
// Moodle is distributed in the hope that it will be useful,
// but WITHOUT ANY WARRANTY; without even the implied warranty of
// MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
// GNU General Public License for more details.
//
// You should have received a copy of the GNU General Public License
// along with Moodle.  If not, see <https://www.gnu.org/licenses/>.

namespace local_aisidecar;

use core\hook\output\before_footer_html_generation;
use local_aisidecar\local\course_settings;
use local_aisidecar\tests\sidecar_testcase;

/**
 * Tests of what we put on pages, and of the report on the site's status.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers \local_aisidecar\hook_callbacks
 * @covers \local_aisidecar\check\sidecar
 * @covers \local_aisidecar\local\sidecar
 */
final class page_test extends sidecar_testcase {
    public function test_drawer_is_there_without_a_word_to_the_sidecar(): void {
        $html = $this->footer($this->context);

        $this->assertStringContainsString('data-region="local_aisidecar"', $html);
        foreach (['ping', 'chat', 'resume'] as $action) {
            $this->assertSame([], $this->asked($action));
        }
    }

    public function test_drawer_is_there_without_a_sidecar(): void {
        $this->stop_sidecar();
        $this->assertStringContainsString('data-region="local_aisidecar"', $this->footer($this->context));
        $this->start_sidecar();
    }

    public function test_drawer_is_not_where_nobody_may_ask(): void {
        (new course_settings(false, ''))->save($this->course->id);
        $this->assertSame('', $this->footer($this->context));
        $this->assertSame('', $this->footer(\context_system::instance()));
        $this->setUser(null);
        $this->assertSame('', $this->footer($this->context));
    }

    public function test_drawer_is_not_in_an_exam(): void {
        $this->assertSame('', $this->footer($this->context, 'secure'));
    }

    public function test_no_fault_of_ours_breaks_a_page(): void {
        global $DB;
        $manager = $DB->get_manager();
        $table = new \xmldb_table('local_aisidecar_course');
        $manager->rename_table($table, 'local_aisidecar_gone');
        try {
            \cache::make('local_aisidecar', 'course')->purge();
            $html = $this->footer($this->context);
        } finally {
            $manager->rename_table(new \xmldb_table('local_aisidecar_gone'), 'local_aisidecar_course');
        }
        $this->assertSame('', $html);
        $this->assertDebuggingCalled();
    }

    public function test_status_says_who_is_there(): void {
        $result = (new check\sidecar())->get_result();
        $this->assertSame(\core\check\result::OK, $result->get_status());
        $this->assertStringContainsString('9.9', $result->get_summary());
        $this->assertStringContainsString('models fake', $result->get_details());
    }

    public function test_status_says_how_to_start_it(): void {
        $this->stop_sidecar();
        $result = (new check\sidecar())->get_result();
        $this->assertSame(\core\check\result::ERROR, $result->get_status());
        $this->assertStringContainsString('systemctl start', $result->get_details());
        $this->assertStringContainsString('No such file', $result->get_details());
        $this->start_sidecar();
    }

    public function test_status_says_what_failed_lately(): void {
        try {
            $this->ask('refuse:upstream_auth');
        } catch (local\refused) {
            $this->assertStringContainsString('upstream_auth: The cause.', (new check\sidecar())->get_result()->get_details());
            return;
        }
        $this->fail('It was not refused.');
    }

    public function test_status_names_settings_that_make_no_sense(): void {
        set_config('tcp', 'example.com:80', 'local_aisidecar');
        $result = (new check\sidecar())->get_result();
        $this->assertSame(\core\check\result::ERROR, $result->get_status());
        $this->assertStringContainsString('loopback', $result->get_details());
    }

    public function test_instruction_of_the_site_that_is_too_long_is_refused_where_it_is_written(): void {
        global $CFG;
        require_once($CFG->libdir . '/adminlib.php');
        $setting = new local\persona_setting('local_aisidecar/persona', 'Persona', '', '', PARAM_RAW);
        $this->assertSame('', $setting->write_setting(str_repeat('ä', 4000)));
        $this->assertSame('At most 4000 characters.', $setting->write_setting(str_repeat('ä', 4001)));
        $this->assertSame(4000, mb_strlen(get_config('local_aisidecar', 'persona')));
    }

    public function test_pseudonym_says_nothing_and_stays(): void {
        $pseudonym = local\sidecar::pseudonym($this->student->id);
        $this->assertSame($pseudonym, local\sidecar::pseudonym($this->student->id));
        $this->assertMatchesRegularExpression('/^[0-9a-f]{64}$/', $pseudonym);
        $this->assertNotSame($pseudonym, local\sidecar::pseudonym($this->student->id + 1));
    }

    /**
     * Returns what we add to the end of a page.
     *
     * @param \context $context
     * @param string $layout
     * @return string
     */
    private function footer(\context $context, string $layout = 'incourse'): string {
        global $PAGE;
        $PAGE = new \moodle_page();
        $PAGE->set_context($context);
        $PAGE->set_url('/');
        $PAGE->set_pagelayout($layout);
        $hook = new before_footer_html_generation($PAGE->get_renderer('core'));
        hook_callbacks::before_footer_html_generation($hook);
        return $hook->get_output();
    }
}
