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

namespace local_aisidecar\external;

use core_external\external_api;
use core_external\external_function_parameters;
use core_external\external_multiple_structure;
use core_external\external_single_structure;
use core_external\external_value;
use local_aisidecar\local\conversations;

/**
 * Lists the conversations of the user in all courses, the latest first.
 *
 * What somebody has written is shown to him wherever the assistant is switched off meanwhile: to log in is enough.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class get_conversations extends external_api {
    /**
     * Describes the parameters.
     *
     * @return external_function_parameters
     */
    public static function execute_parameters(): external_function_parameters {
        return new external_function_parameters([
            'contextid' => new external_value(PARAM_INT, 'The context of the page'),
            'page' => new external_value(PARAM_INT, 'Which page, from 0 on', VALUE_DEFAULT, 0),
        ]);
    }

    /**
     * Returns the list.
     *
     * @param int $contextid
     * @param int $page
     * @return array
     */
    public static function execute(int $contextid, int $page = 0): array {
        $params = self::validate_parameters(self::execute_parameters(), compact('contextid', 'page'));
        self::validate_context(\context::instance_by_id($params['contextid']));

        [$rows, $more] = conversations::page(max(0, $params['page']));
        return [
            'conversations' => array_map(static fn(\stdClass $row): array => [
                'id' => (int) $row->id,
                'title' => $row->title,
                'place' => conversations::place_name($row),
                'timemodified' => (int) $row->timemodified,
                'url' => conversations::url($row)->out(false),
            ], $rows),
            'more' => $more,
        ];
    }

    /**
     * Describes what is returned.
     *
     * @return external_single_structure
     */
    public static function execute_returns(): external_single_structure {
        return new external_single_structure([
            'conversations' => new external_multiple_structure(new external_single_structure([
                'id' => new external_value(PARAM_INT, 'The conversation'),
                'title' => new external_value(PARAM_RAW, 'Its title, as text'),
                'place' => new external_value(PARAM_RAW, 'The name of its course, as text; empty: outside of courses'),
                'timemodified' => new external_value(PARAM_INT, 'When somebody last asked in it'),
                'url' => new external_value(PARAM_URL, 'Its page'),
            ])),
            'more' => new external_value(PARAM_BOOL, 'Whether there is another page'),
        ]);
    }
}
