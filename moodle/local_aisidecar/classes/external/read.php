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
use local_aisidecar\local\messages;
use local_aisidecar\local\place;
use local_aisidecar\local\reading;

/**
 * Returns what has been written of an answer since the last call: for browsers that nothing can be streamed to.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class read extends external_api {
    /**
     * Describes the parameters.
     *
     * @return external_function_parameters
     */
    public static function execute_parameters(): external_function_parameters {
        return new external_function_parameters([
            'messageid' => new external_value(PARAM_INT, 'The answer'),
            'after' => new external_value(PARAM_INT, 'The number of the last piece that is known', VALUE_DEFAULT, 0),
        ]);
    }

    /**
     * Reads.
     *
     * @param int $messageid
     * @param int $after
     * @return array
     */
    public static function execute(int $messageid, int $after = 0): array {
        $params = self::validate_parameters(self::execute_parameters(), compact('messageid', 'after'));
        $answer = messages::require_answer($params['messageid']);
        $context = messages::context_of($answer);
        self::validate_context($context);
        access::require(place::of($context), $answer->action);

        \core\session\manager::write_close();
        return reading::read($answer, max(0, $params['after']));
    }

    /**
     * Describes what is returned.
     *
     * @return external_single_structure
     */
    public static function execute_returns(): external_single_structure {
        return new external_single_structure([
            'status' => new external_value(PARAM_ALPHA, 'running: there may be more. Anything else: it is to be finished'),
            'after' => new external_value(PARAM_INT, 'The number of the last piece'),
            'text' => new external_value(PARAM_RAW, 'What is new; untrusted'),
            'progress' => new external_single_structure([
                'stage' => new external_value(PARAM_RAW, 'As the sidecar calls it; amd/src/progress.js has words for it'),
                'done' => new external_value(PARAM_INT, 'So many steps of it are done'),
                'total' => new external_value(PARAM_INT, 'Of so many'),
            ], 'What is being done before the text; null: nothing to say', VALUE_REQUIRED, null, NULL_ALLOWED),
        ]);
    }
}
