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

namespace local_aisidecar\event;

/**
 * The sidecar did not take a question: a limit, or a fault.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class request_refused extends \core\event\base {
    /**
     * Says what kind of event it is.
     */
    protected function init() {
        $this->data['crud'] = 'r';
        $this->data['edulevel'] = self::LEVEL_OTHER;
    }

    /**
     * Returns its name.
     *
     * @return string
     */
    public static function get_name() {
        return get_string('event_request_refused', 'local_aisidecar');
    }

    /**
     * Returns what happened, for the log.
     *
     * @return string
     */
    public function get_description() {
        return "A question of the user with id '$this->userid' to the AI assistant was refused: "
            . "{$this->other['code']}.";
    }

    /**
     * Says what else has another number in a restored course.
     *
     * @return array|false
     */
    public static function get_other_mapping() {
        return false;
    }
}
