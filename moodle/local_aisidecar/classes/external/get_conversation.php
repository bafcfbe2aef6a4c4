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
use local_aisidecar\local\access;
use local_aisidecar\local\caller;
use local_aisidecar\local\conversations;
use local_aisidecar\local\delivery;
use local_aisidecar\local\message_data;
use local_aisidecar\local\messages;

/**
 * Returns the messages of a conversation of the user. An answer that is still being written can be read on.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class get_conversation extends external_api {
    /**
     * Describes the parameters.
     *
     * @return external_function_parameters
     */
    public static function execute_parameters(): external_function_parameters {
        return new external_function_parameters([
            'contextid' => new external_value(PARAM_INT, 'The context of the page'),
            'conversationid' => new external_value(PARAM_INT, 'The conversation; 0: the latest of this course', VALUE_DEFAULT, 0),
            'before' => new external_value(PARAM_INT, 'The messages before this one; 0: the latest', VALUE_DEFAULT, 0),
        ]);
    }

    /**
     * Returns the conversation.
     *
     * @param int $contextid
     * @param int $conversationid
     * @param int $before
     * @return array
     */
    public static function execute(int $contextid, int $conversationid = 0, int $before = 0): array {
        $params = self::validate_parameters(self::execute_parameters(), compact('contextid', 'conversationid', 'before'));
        [$context, $place] = caller::enter($params['contextid'], $params['conversationid']);
        access::require($place);

        $conversation = $params['conversationid'] === 0
            ? conversations::latest($place)
            : conversations::require($params['conversationid']);
        if ($conversation === null) {
            return ['conversationid' => 0, 'messages' => [], 'earlier' => false, 'running' => null];
        }
        [$rows, $earlier] = messages::latest_in($conversation->id, $params['before']);
        $running = array_filter($rows, static fn(\stdClass $row): bool => $row->status === messages::RUNNING);
        $last = end($running);
        return [
            'conversationid' => (int) $conversation->id,
            'messages' => array_map(static fn(\stdClass $row): array => message_data::export($row, $context), $rows),
            'earlier' => $earlier,
            'running' => !$last ? null : [
                'messageid' => (int) $last->id,
                'delivery' => delivery::for($last),
                'streamurl' => delivery::url(),
            ],
        ];
    }

    /**
     * Describes what is returned.
     *
     * @return external_single_structure
     */
    public static function execute_returns(): external_single_structure {
        return new external_single_structure([
            'conversationid' => new external_value(PARAM_INT, 'The conversation; 0: there is none yet'),
            'messages' => new external_multiple_structure(message_data::structure()),
            'earlier' => new external_value(PARAM_BOOL, 'Whether there are messages before these'),
            'running' => new external_single_structure([
                'messageid' => new external_value(PARAM_INT, 'The answer'),
                'delivery' => new external_value(PARAM_ALPHA, 'How to read it: handover, proxy, relay or poll'),
                'streamurl' => new external_value(PARAM_URL, 'Where to read it'),
            ], 'The answer that is still being written', VALUE_REQUIRED, null, NULL_ALLOWED),
        ]);
    }
}
