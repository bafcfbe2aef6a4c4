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

namespace local_aisidecar\check;

use core\check\check;
use core\check\result;
use local_aisidecar\local\delivery as ways;

/**
 * Whether answers come word by word, as an administrator's browser has measured it.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class delivery extends check {
    /**
     * Returns what it is called.
     *
     * @return string
     */
    public function get_name(): string {
        return get_string('check_delivery', 'local_aisidecar');
    }

    /**
     * Returns where it is tested.
     *
     * @return \action_link|null
     */
    public function get_action_link(): ?\action_link {
        return new \action_link(
            new \moodle_url('/local/aisidecar/delivery.php'),
            get_string('delivery_test', 'local_aisidecar'),
        );
    }

    /**
     * Says what the test has found.
     *
     * @return result
     */
    public function get_result(): result {
        $test = ways::last_test();
        $current = ways::current();
        $details = get_string("delivery_chosen_$current", 'local_aisidecar');
        if ($test === null) {
            return new result(result::INFO, get_string('check_delivery_untested', 'local_aisidecar'), $details);
        }
        [$status, $found] = self::judge($current, $test['results']);
        $a = ['delivery' => get_string("delivery_$current", 'local_aisidecar'), 'time' => userdate($test['time'])];
        return new result($status, get_string("check_delivery_$found", 'local_aisidecar', $a), $details);
    }

    /**
     * Compares what is in use with what the test found: the setting can be changed by hand as well.
     *
     * @param string $current
     * @param array[] $results
     * @return string[] The status, and the end of the name of what is said.
     */
    private static function judge(string $current, array $results): array {
        return match (true) {
            !in_array($current, ways::working($results), true) => [result::WARNING, 'byhand'],
            $current !== ways::POLL => [$current === ways::RELAY ? result::INFO : result::OK, 'ok'],
            ways::best_of($results) === ways::POLL => [result::WARNING, 'poll'],
            default => [result::WARNING, 'better'],
        };
    }
}
