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
 * Where Moodle looks for functions by their names.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

/**
 * Puts the assistant's settings into a course's menu.
 *
 * @param navigation_node $navigation
 * @param stdClass $course
 * @param context_course $context
 */
function local_aisidecar_extend_navigation_course(navigation_node $navigation, stdClass $course, context_course $context): void {
    if ($course->id == SITEID || !get_config('local_aisidecar', 'enabled')) {
        return;
    }
    if (!has_capability('local/aisidecar:managecourse', $context)) {
        return;
    }
    $navigation->add(
        get_string('coursesettings', 'local_aisidecar'),
        new moodle_url('/local/aisidecar/course.php', ['id' => $course->id]),
        navigation_node::TYPE_SETTING,
        null,
        'local_aisidecar',
        new pix_icon('i/settings', ''),
    );
}

/**
 * Puts a user's own conversations into the profile.
 *
 * @param \core_user\output\myprofile\tree $tree
 * @param stdClass $user
 * @param bool $iscurrentuser
 */
function local_aisidecar_myprofile_navigation(\core_user\output\myprofile\tree $tree, $user, $iscurrentuser): void {
    global $DB;
    if (!$iscurrentuser || !$DB->record_exists('local_aisidecar_conversation', ['userid' => $user->id])) {
        return;
    }
    $tree->add_node(new \core_user\output\myprofile\node(
        'miscellaneous',
        'local_aisidecar',
        get_string('history', 'local_aisidecar'),
        null,
        new moodle_url('/local/aisidecar/history.php'),
    ));
}

/**
 * Names what we add to the report of the site's status.
 *
 * @return \core\check\check[]
 */
function local_aisidecar_status_checks(): array {
    return [new \local_aisidecar\check\sidecar(), new \local_aisidecar\check\delivery()];
}
