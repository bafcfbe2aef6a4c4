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

use core_external\external_single_structure;
use core_external\external_value;

/**
 * A message as browsers get it.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class message_data {
    /** @var int Of a page that was to be summarized, so many characters stand for it. */
    private const EXCERPT = 200;

    /** @var int Of such a page, so many characters come back to the browser. */
    private const MAX_SHOWN = 2000;

    /**
     * Returns a message.
     *
     * @param \stdClass $row
     * @param \context $context
     * @return array
     */
    public static function export(\stdClass $row, \context $context): array {
        $isuser = $row->role === messages::USER;
        $text = (string) $row->content;
        // Of a page that was to be summarized, a browser gets enough to know it by.
        $truncated = $isuser && $row->action !== 'chat' && \core_text::strlen($text) > self::MAX_SHOWN;
        $text = $truncated ? \core_text::substr($text, 0, self::MAX_SHOWN) : $text;
        return [
            'id' => (int) $row->id,
            'key' => $row->requestkey,
            'role' => $row->role,
            'action' => $row->action,
            'status' => $row->status,
            'text' => $text,
            'truncated' => $truncated,
            // Browsers show a question as text.
            'html' => $isuser ? '' : self::html($row, $context),
            'notice' => words::notice($row),
        ];
    }

    /**
     * Returns a message as HTML.
     *
     * @param \stdClass $row
     * @param \context $context
     * @return string
     */
    public static function html(\stdClass $row, \context $context): string {
        return $row->role === messages::USER
            ? rendering::plain(self::asked($row), $context)
            : rendering::answer((string) $row->content, $context);
    }

    /**
     * Returns what a user has asked, in a length that can be shown.
     *
     * @param \stdClass $row
     * @return string
     */
    private static function asked(\stdClass $row): string {
        if ($row->action === 'chat') {
            return $row->content;
        }
        return get_string("asked_$row->action", 'local_aisidecar', rendering::line($row->content, self::EXCERPT));
    }

    /**
     * Describes a message.
     *
     * @return external_single_structure
     */
    public static function structure(): external_single_structure {
        return new external_single_structure([
            'id' => new external_value(PARAM_INT, 'Its id'),
            'key' => new external_value(PARAM_RAW, 'What the browser called the question'),
            'role' => new external_value(PARAM_ALPHA, 'Who wrote it: user or assistant'),
            'action' => new external_value(PARAM_ALPHA, 'What was asked for: chat, summarize or analyze'),
            'status' => new external_value(PARAM_ALPHA, 'running, complete, stopped, interrupted or failed'),
            'text' => new external_value(PARAM_RAW, 'As it was written; untrusted'),
            'truncated' => new external_value(PARAM_BOOL, 'Whether that is the beginning only'),
            'html' => new external_value(PARAM_RAW, 'An answer as it is to be shown; empty for a question'),
            'notice' => new external_single_structure([
                'code' => new external_value(PARAM_ALPHANUMEXT, 'One word'),
                'message' => new external_value(PARAM_RAW, 'What to say of it'),
                'retryafter' => new external_value(PARAM_INT, 'In how many seconds to come back; 0: not known'),
                'canretry' => new external_value(PARAM_BOOL, 'Whether to offer to ask again'),
            ], 'What is not as it should be', VALUE_REQUIRED, null, NULL_ALLOWED),
        ]);
    }
}
