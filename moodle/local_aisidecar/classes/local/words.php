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

/**
 * What students are told: words that say what to do, or when to come back, and never why in terms of the machine.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class words {
    /** @var string[] What the same question, asked again, may mend. All else needs another text, or somebody who changes something. */
    public const WORTH_A_RETRY = [
        'bad_frame', 'bad_message', 'busy', 'cancelled', 'connection_failed', 'connection_lost', 'deadline_exceeded', 'draining',
        'duplicate_id', 'internal', 'interrupted', 'lost', 'not_found', 'overloaded', 'protocol_violation', 'rate_limited',
        'stopped', 'timeout_connect', 'timeout_first_token', 'timeout_idle', 'timeout_total', 'truncated', 'upstream_connect',
        'upstream_dns', 'upstream_error', 'upstream_protocol', 'upstream_rate_limited',
    ];

    /**
     * Returns the name of the text for a code.
     *
     * @param string $code Of the protocol, of the client, or our own.
     * @return string
     */
    public static function identifier(string $code): string {
        $identifier = 'error_' . $code;
        return get_string_manager()->string_exists($identifier, 'local_aisidecar') ? $identifier : 'error_internal';
    }

    /**
     * Returns the text for a code.
     *
     * @param string $code
     * @param float|null $retryafter Seconds.
     * @return string
     */
    public static function of(string $code, ?float $retryafter = null): string {
        return get_string(self::identifier($code), 'local_aisidecar', self::when($retryafter));
    }

    /**
     * Returns what is to be said with a message that is not simply whole.
     *
     * @param \stdClass $message A row of the table.
     * @return array{code: string, message: string, retryafter: int, canretry: bool}|null
     */
    public static function notice(\stdClass $message): ?array {
        $code = $message->errorcode ?? null;
        if ($code === null && in_array($message->finishreason, ['length', 'filtered', 'refused'], true)) {
            $code = $message->finishreason;
        }
        if ($code === null) {
            return null;
        }
        $left = max(0, (int) $message->retryafter - time());
        return [
            'code' => $code,
            'message' => self::of($code, $left > 0 ? $left : null),
            'retryafter' => $left,
            'canretry' => in_array(substr(self::identifier($code), strlen('error_')), self::WORTH_A_RETRY, true),
        ];
    }

    /**
     * Returns when to come back, as a part of a sentence: "in 5 minutes", "at 15:40".
     *
     * @param float|null $seconds Null: nobody knows.
     * @return string
     */
    public static function when(?float $seconds): string {
        if ($seconds === null) {
            return get_string('when_later', 'local_aisidecar');
        }
        $seconds = (int) ceil($seconds);
        return match (true) {
            $seconds < 10 => get_string('when_moments', 'local_aisidecar'),
            $seconds < 90 => get_string('when_seconds', 'local_aisidecar', $seconds),
            $seconds < HOURSECS => get_string('when_minutes', 'local_aisidecar', (int) ceil($seconds / MINSECS)),
            default => get_string('when_time', 'local_aisidecar', self::time($seconds)),
        };
    }

    /**
     * Returns a time in the user's own form and time zone.
     *
     * @param int $seconds From now.
     * @return string
     */
    private static function time(int $seconds): string {
        $format = $seconds < 12 * HOURSECS ? 'strftimetime' : 'strftimedatetimeshort';
        return userdate(time() + $seconds, get_string($format, 'langconfig'));
    }
}
