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
 * Where teachers set what the assistant may and shall do in a course.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

require(__DIR__ . '/../../config.php');

use local_aisidecar\form\course_form;
use local_aisidecar\local\course_settings;

$id = required_param('id', PARAM_INT);

$course = get_course($id);
require_login($course);
$context = context_course::instance($course->id);
require_capability('local/aisidecar:managecourse', $context);
if ((int) $course->id === (int) SITEID) {
    throw new moodle_exception('invalidcourseid');
}

$url = new moodle_url('/local/aisidecar/course.php', ['id' => $course->id]);
$PAGE->set_url($url);
$PAGE->set_pagelayout('incourse');
$PAGE->set_title(get_string('coursesettings', 'local_aisidecar'));
$PAGE->set_heading($course->fullname);

$settings = course_settings::of($course->id);
$form = new course_form($url);
$form->set_data(['enabled' => $settings->enabled, 'persona' => $settings->persona]);
if ($form->is_cancelled()) {
    redirect(new moodle_url('/course/view.php', ['id' => $course->id]));
}
if ($data = $form->get_data()) {
    (new course_settings(!empty($data->enabled), trim($data->persona)))->save($course->id);
    redirect($url, get_string('coursesettings_saved', 'local_aisidecar'), null, \core\output\notification::NOTIFY_SUCCESS);
}

echo $OUTPUT->header();
echo $OUTPUT->heading(get_string('coursesettings', 'local_aisidecar'));
$form->display();
echo $OUTPUT->footer();
