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
 * An answer did not come to its end.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class answer_failed extends \core\event\base {
    /**
     * Says what kind of event it is.
     */
    protected function init() {
        $this->data['crud'] = 'u';
        $this->data['edulevel'] = self::LEVEL_OTHER;
        $this->data['objecttable'] = 'local_aisidecar_message';
    }

    /**
     * Returns its name.
     *
     * @return string
     */
    public static function get_name() {
        return get_string('event_answer_failed', 'local_aisidecar');
    }

    /**
     * Returns what happened, for the log.
     *
     * @return string
     */
    public function get_description() {
        return "An answer of the AI assistant to the user with id '$this->userid' failed: {$this->other['code']}.";
    }

    /**
     * Says what becomes of the object in a restored course: conversations stay where they are.
     *
     * @return array
     */
    public static function get_objectid_mapping() {
        return ['db' => 'local_aisidecar_message', 'restore' => self::NOT_MAPPED];
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
