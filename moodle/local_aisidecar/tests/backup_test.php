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

use local_aisidecar\local\course_settings;

defined('MOODLE_INTERNAL') || die();

global $CFG;
require_once($CFG->dirroot . '/backup/util/includes/backup_includes.php');
require_once($CFG->dirroot . '/backup/util/includes/restore_includes.php');

/**
 * Tests that what teachers have set goes along with a course.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers \backup_local_aisidecar_plugin
 * @covers \restore_local_aisidecar_plugin
 */
final class backup_test extends \advanced_testcase {
    public function test_settings_go_along_with_a_course(): void {
        $this->resetAfterTest();
        $this->setAdminUser();
        $course = $this->getDataGenerator()->create_course();
        (new course_settings(false, "You are a tutor. \"<>&ä\""))->save($course->id);

        $copy = $this->restore($this->back_up($course->id));

        $settings = course_settings::of($copy);
        $this->assertFalse($settings->enabled);
        $this->assertSame("You are a tutor. \"<>&ä\"", $settings->persona);
    }

    public function test_course_without_settings_has_none_afterwards(): void {
        global $DB;
        $this->resetAfterTest();
        $this->setAdminUser();
        $course = $this->getDataGenerator()->create_course();

        $this->restore($this->back_up($course->id));

        $this->assertSame(0, $DB->count_records('local_aisidecar_course'));
    }

    /**
     * Backs a course up.
     *
     * @param int $courseid
     * @return string The backup's folder.
     */
    private function back_up(int $courseid): string {
        global $USER;
        $controller = new \backup_controller(
            \backup::TYPE_1COURSE,
            $courseid,
            \backup::FORMAT_MOODLE,
            \backup::INTERACTIVE_NO,
            \backup::MODE_IMPORT,
            $USER->id,
        );
        $id = $controller->get_backupid();
        $controller->execute_plan();
        $controller->destroy();
        return $id;
    }

    /**
     * Restores it as a new course.
     *
     * @param string $backupid
     * @return int
     */
    private function restore(string $backupid): int {
        global $USER;
        $category = $this->getDataGenerator()->create_category();
        $courseid = \restore_dbops::create_new_course('Copy', 'copy', $category->id);
        $controller = new \restore_controller(
            $backupid,
            $courseid,
            \backup::INTERACTIVE_NO,
            \backup::MODE_GENERAL,
            $USER->id,
            \backup::TARGET_NEW_COURSE,
        );
        $this->assertTrue($controller->execute_precheck());
        $controller->execute_plan();
        $controller->destroy();
        return $courseid;
    }
}
