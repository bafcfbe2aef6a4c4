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

use OpenaiMoodleSidecar\Request;

/**
 * What the sidecar is asked.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class prompt {
    /** @var int For so long an answer is written on without a reader: a page that was closed leaves it to cron to collect. */
    private const GRACE_SECONDS = 600;

    /**
     * Puts together what the sidecar is asked.
     *
     * @param \stdClass $question
     * @param \stdClass $answer
     * @param place $place
     * @param bool $isdetached
     * @return Request
     */
    public static function request(\stdClass $question, \stdClass $answer, place $place, bool $isdetached): Request {
        $fields = [
            'user_id' => sidecar::pseudonym($answer->userid),
            'course_id' => $place->courseid,
            'instructions' => $place->is_site()
                ? (new course_settings(true, ''))->instructions()
                : course_settings::of($place->courseid)->instructions(),
        ];
        if ($isdetached) {
            $fields += ['detach' => true, 'key' => $answer->requestkey, 'grace_seconds' => self::GRACE_SECONDS];
        }
        return match ($question->action) {
            'summarize' => Request::summarize($question->content, $fields),
            'analyze' => Request::analyze($question->content, $fields),
            default => Request::chat($question->content, $fields + ['history' => prompt_history::before($question)]),
        };
    }
}
