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
use core_external\external_single_structure;
use core_external\external_value;
use local_aisidecar\local\access;
use local_aisidecar\local\asking;
use local_aisidecar\local\caller;
use local_aisidecar\local\delivery;
use local_aisidecar\local\message_data;
use local_aisidecar\local\messages;

/**
 * Asks the assistant, and returns before it has answered.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class start extends external_api {
    /**
     * Describes the parameters.
     *
     * @return external_function_parameters
     */
    public static function execute_parameters(): external_function_parameters {
        return new external_function_parameters([
            'contextid' => new external_value(PARAM_INT, 'The context of the page'),
            'action' => new external_value(PARAM_ALPHA, 'chat, summarize or analyze'),
            // Not PARAM_TEXT: questions about programs have tags in them. It is text for all that follows, and shown as such.
            'content' => new external_value(PARAM_RAW, 'The question, or the text to work on'),
            'conversationid' => new external_value(PARAM_INT, 'The conversation; 0: a new one', VALUE_DEFAULT, 0),
            'key' => new external_value(PARAM_RAW, 'A new one for each question; the same for a retry, which then pays once'),
            'replaces' => new external_value(PARAM_INT, 'The answer to be written anew; 0: none', VALUE_DEFAULT, 0),
        ]);
    }

    /**
     * Asks.
     *
     * @param int $contextid
     * @param string $action
     * @param string $content
     * @param int $conversationid
     * @param string $key
     * @param int $replaces
     * @return array
     */
    public static function execute(
        int $contextid,
        string $action,
        string $content,
        int $conversationid = 0,
        string $key = '',
        int $replaces = 0,
    ): array {
        $params = self::validate_parameters(
            self::execute_parameters(),
            compact('contextid', 'action', 'content', 'conversationid', 'key', 'replaces'),
        );
        if (!in_array($params['action'], access::ACTIONS, true)) {
            throw new \invalid_parameter_exception('action: chat, summarize or analyze');
        }
        $conversationid = $params['replaces'] === 0
            ? $params['conversationid']
            : (int) messages::require_answer($params['replaces'])->conversationid;
        [$context, $place] = caller::enter($params['contextid'], $conversationid);
        access::require($place, $params['action']);

        $asking = new asking($place, $params['action']);
        [$question, $answer] = $params['replaces'] === 0
            ? $asking->ask($params['content'], $params['conversationid'], $params['key'])
            : $asking->ask_again($params['replaces'], $params['key']);
        return [
            'conversationid' => (int) $answer->conversationid,
            'question' => message_data::export($question, $context),
            'answer' => message_data::export($answer, $context),
            'delivery' => delivery::for($answer),
            'streamurl' => delivery::url(),
        ];
    }

    /**
     * Describes what is returned.
     *
     * @return external_single_structure
     */
    public static function execute_returns(): external_single_structure {
        return new external_single_structure([
            'conversationid' => new external_value(PARAM_INT, 'The conversation'),
            'question' => message_data::structure(),
            'answer' => message_data::structure(),
            'delivery' => new external_value(PARAM_ALPHA, 'How to read it: handover, proxy, relay or poll'),
            'streamurl' => new external_value(PARAM_URL, 'Where to read it'),
        ]);
    }
}
