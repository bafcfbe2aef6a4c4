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
use core_external\external_value;
use local_aisidecar\local\conversations;

/**
 * Deletes a conversation of the user. That is a right of whoever wrote it, wherever the assistant is switched off meanwhile.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class delete_conversation extends external_api {
    /**
     * Describes the parameters.
     *
     * @return external_function_parameters
     */
    public static function execute_parameters(): external_function_parameters {
        return new external_function_parameters([
            'conversationid' => new external_value(PARAM_INT, 'The conversation'),
        ]);
    }

    /**
     * Deletes it.
     *
     * @param int $conversationid
     * @return bool
     */
    public static function execute(int $conversationid): bool {
        $params = self::validate_parameters(self::execute_parameters(), compact('conversationid'));
        self::validate_context(\context_system::instance());
        $conversation = conversations::require($params['conversationid']);

        \core\session\manager::write_close();
        conversations::delete($conversation);
        return true;
    }

    /**
     * Describes what is returned.
     *
     * @return external_value
     */
    public static function execute_returns(): external_value {
        return new external_value(PARAM_BOOL, 'True');
    }
}
