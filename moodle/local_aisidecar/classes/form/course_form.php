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

namespace local_aisidecar\form;

defined('MOODLE_INTERNAL') || die();

require_once($CFG->libdir . '/formslib.php');

use local_aisidecar\local\course_settings;

/**
 * What teachers may set for a course.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class course_form extends \moodleform {
    /**
     * Says what is on it.
     */
    protected function definition() {
        $form = $this->_form;
        $form->addElement('advcheckbox', 'enabled', get_string('coursesettings_enabled', 'local_aisidecar'));
        $form->addHelpButton('enabled', 'coursesettings_enabled', 'local_aisidecar');

        $options = ['rows' => 8, 'cols' => 80];
        // No maxlength: a browser would cut what is pasted, without a word.
        $form->addElement('textarea', 'persona', get_string('coursesettings_persona', 'local_aisidecar'), $options);
        $form->setType('persona', PARAM_RAW);
        $form->addHelpButton('persona', 'coursesettings_persona', 'local_aisidecar');

        $this->add_action_buttons();
    }

    /**
     * Looks for what is wrong with it.
     *
     * @param array $data
     * @param array $files
     * @return string[]
     */
    public function validation($data, $files) {
        $errors = parent::validation($data, $files);
        if (\core_text::strlen($data['persona']) > course_settings::MAX_PERSONA) {
            $errors['persona'] = get_string('coursesettings_persona_toolong', 'local_aisidecar', course_settings::MAX_PERSONA);
        }
        return $errors;
    }
}
