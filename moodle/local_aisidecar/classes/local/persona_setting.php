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

namespace local_aisidecar\local;

/**
 * The setting of how the assistant shall behave. What is too long for the sidecar is refused where it is written, not cut later.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class persona_setting extends \admin_setting_configtextarea {
    /**
     * Says what is wrong with a text.
     *
     * @param string $data
     * @return true|string
     */
    public function validate($data) {
        return \core_text::strlen($data) > course_settings::MAX_PERSONA
            ? get_string('coursesettings_persona_toolong', 'local_aisidecar', course_settings::MAX_PERSONA)
            : parent::validate($data);
    }
}
