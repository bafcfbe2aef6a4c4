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
use local_aisidecar\local\failures;
use local_aisidecar\local\refused;
use local_aisidecar\local\sidecar as way;
use OpenaiMoodleSidecar\Error\SidecarException;
use OpenaiMoodleSidecar\Event\Status;

/**
 * Whether the sidecar is running, over each way that the settings name.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class sidecar extends check {
    /**
     * Returns what it is called.
     *
     * @return string
     */
    public function get_name(): string {
        return get_string('check_sidecar', 'local_aisidecar');
    }

    /**
     * Returns where it is mended.
     *
     * @return \action_link|null
     */
    public function get_action_link(): ?\action_link {
        return new \action_link(
            new \moodle_url('/admin/settings.php', ['section' => 'local_aisidecar']),
            get_string('settings', 'local_aisidecar'),
        );
    }

    /**
     * Asks.
     *
     * @return result
     */
    public function get_result(): result {
        if (!get_config('local_aisidecar', 'enabled')) {
            return new result(result::NA, get_string('check_sidecar_disabled', 'local_aisidecar'));
        }
        try {
            $found = way::client(8)->probe();
        } catch (refused $exception) {
            return new result(result::ERROR, get_string('check_sidecar_settings', 'local_aisidecar'), s($exception->cause));
        }
        $lines = [];
        foreach ($found as $name => $what) {
            $lines[] = get_string('check_sidecar_way', 'local_aisidecar', ['way' => $name, 'what' => s(self::describe($what))]);
        }
        $details = \html_writer::alist($lines) . self::failures();
        $running = array_filter($found, static fn($what): bool => $what instanceof Status);
        $ready = array_filter($running, static fn(Status $status): bool => $status->ready);
        if ($running === []) {
            $start = get_string('check_sidecar_start', 'local_aisidecar');
            return new result(result::ERROR, get_string('check_sidecar_down', 'local_aisidecar'), $details . $start);
        }
        if ($ready === []) {
            return new result(result::ERROR, get_string('check_sidecar_notready', 'local_aisidecar'), $details);
        }
        if (array_keys($running) === ['stdio']) {
            return new result(result::WARNING, get_string('check_sidecar_stdio', 'local_aisidecar'), $details);
        }
        $status = reset($ready);
        return new result(
            count($running) < count($found) ? result::INFO : result::OK,
            get_string('check_sidecar_ok', 'local_aisidecar', s($status->version)),
            $details,
        );
    }

    /**
     * Says what failed lately, which students were told without the cause.
     *
     * @return string HTML
     */
    private static function failures(): string {
        $lines = array_map(
            static fn(array $failure): string => s(userdate($failure['time']) . " $failure[code]: $failure[cause]"),
            failures::latest(),
        );
        return $lines === [] ? '' : get_string('check_sidecar_failures', 'local_aisidecar') . \html_writer::alist($lines);
    }

    /**
     * Says what answered, or why nothing did.
     *
     * @param Status|SidecarException $what
     * @return string
     */
    private static function describe(Status|SidecarException $what): string {
        if ($what instanceof SidecarException) {
            return $what->getMessage();
        }
        return get_string('check_sidecar_status', 'local_aisidecar', [
            'version' => $what->version,
            'provider' => $what->provider ?? '-',
            'models' => implode(', ', $what->models) ?: '-',
            'ready' => get_string($what->ready ? 'yes' : 'no'),
            'tickets' => get_string($what->tickets ? 'yes' : 'no'),
        ]);
    }
}
