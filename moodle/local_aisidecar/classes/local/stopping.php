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

namespace local_aisidecar\local;

use OpenaiMoodleSidecar\Error\SidecarException;

/**
 * Stops answers that are being written.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class stopping {
    /**
     * Stops an answer for its user, and keeps what there is of it.
     *
     * @param \stdClass $answer
     * @return \stdClass The row, as it is now.
     */
    public static function stop(\stdClass $answer): \stdClass {
        global $DB;
        if ($answer->status !== messages::RUNNING) {
            return $answer;
        }
        $DB->set_field(messages::TABLE, 'stoprequested', 1, ['id' => $answer->id]);
        self::cancel_quietly($answer);
        return collecting::finish($answer, 3);
    }

    /**
     * Tells the sidecar to stop. If it cannot be told, nobody reads the answer any more, and it ends by itself.
     *
     * @param \stdClass $answer
     */
    public static function cancel_quietly(\stdClass $answer): void {
        if (!collecting::has_reply($answer)) {
            return;
        }
        try {
            sidecar::client(2)->cancel($answer->reply, sidecar::pseudonym($answer->userid));
        } catch (SidecarException | refused $exception) {
            debugging('local_aisidecar: ' . $exception->getMessage(), DEBUG_DEVELOPER);
        }
    }
}
