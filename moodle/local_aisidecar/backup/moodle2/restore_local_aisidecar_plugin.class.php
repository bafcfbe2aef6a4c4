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

/**
 * What comes back with a course: what its teachers have set.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

use local_aisidecar\local\course_settings;

/**
 * Restores the settings of a course.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class restore_local_aisidecar_plugin extends restore_local_plugin {
    /**
     * Says what belongs to a course.
     *
     * @return restore_path_element[]
     */
    protected function define_course_plugin_structure() {
        return [new restore_path_element('aisidecar', $this->get_pathfor('/aisidecar'))];
    }

    /**
     * Restores the settings, unless they are to be merged into a course that has its own.
     *
     * @param array $data
     */
    public function process_aisidecar($data) {
        global $DB;
        $courseid = $this->task->get_courseid();
        if ($DB->record_exists('local_aisidecar_course', ['courseid' => $courseid])) {
            return;
        }
        (new course_settings((bool) $data['enabled'], (string) $data['persona']))->save($courseid);
    }
}
