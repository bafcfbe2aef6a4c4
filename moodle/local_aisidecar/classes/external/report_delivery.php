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
use local_aisidecar\local\delivery;
use local_aisidecar\local\sidecar;

/**
 * Keeps what the self-test in an administrator's browser has found, and chooses the best way that works.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class report_delivery extends external_api {
    /**
     * Describes the parameters.
     *
     * @return external_function_parameters
     */
    public static function execute_parameters(): external_function_parameters {
        return new external_function_parameters([
            'results' => new external_multiple_structure(new external_single_structure([
                'mode' => new external_value(PARAM_ALPHA, 'handover, proxy or relay'),
                'verdict' => new external_value(PARAM_ALPHA, 'How the events came: streams, held, failed or absent'),
                'gaps' => new external_multiple_structure(
                    new external_value(PARAM_FLOAT, 'Milliseconds from one event to the next'),
                    'Between the five events of the test; none where nothing came',
                ),
            ])),
        ]);
    }

    /**
     * Chooses.
     *
     * @param array $results
     * @return array
     */
    public static function execute(array $results): array {
        $params = self::validate_parameters(self::execute_parameters(), compact('results'));
        $context = \context_system::instance();
        self::validate_context($context);
        require_capability('moodle/site:config', $context);

        if ($params['results'] === [] || !sidecar::is_there()) {
            // Without it, only PHP's own way could have worked: that says nothing of the others.
            return ['delivery' => delivery::current(), 'message' => get_string('delivery_kept', 'local_aisidecar')];
        }
        $best = delivery::choose($params['results']);
        return ['delivery' => $best, 'message' => get_string("delivery_chosen_$best", 'local_aisidecar')];
    }

    /**
     * Describes what is returned.
     *
     * @return external_single_structure
     */
    public static function execute_returns(): external_single_structure {
        return new external_single_structure([
            'delivery' => new external_value(PARAM_ALPHA, 'The way that is in use from now on'),
            'message' => new external_value(PARAM_RAW, 'What that means'),
        ]);
    }
}
