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
use local_aisidecar\local\collecting;
use local_aisidecar\local\message_data;
use local_aisidecar\local\messages;

/**
 * Collects an answer that has ended, from the sidecar, and returns it as it is kept.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class finish extends external_api {
    /**
     * Describes the parameters.
     *
     * @return external_function_parameters
     */
    public static function execute_parameters(): external_function_parameters {
        return new external_function_parameters([
            'messageid' => new external_value(PARAM_INT, 'The answer'),
        ]);
    }

    /**
     * Collects.
     *
     * @param int $messageid
     * @return array
     */
    public static function execute(int $messageid): array {
        $params = self::validate_parameters(self::execute_parameters(), compact('messageid'));
        $answer = messages::require_answer($params['messageid']);
        $context = messages::context_of($answer);
        // Asked for when it was allowed, it is the user's, as the history shows it: whatever has been hidden or switched off since.
        self::validate_context(\context_system::instance());

        \core\session\manager::write_close();
        return message_data::export(collecting::finish($answer), $context);
    }

    /**
     * Describes what is returned.
     *
     * @return external_single_structure
     */
    public static function execute_returns(): external_single_structure {
        return message_data::structure();
    }
}
