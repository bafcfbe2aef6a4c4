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
 * What was said before, as the model is told.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class prompt_history {
    /** @var int As many turns as the sidecar takes. */
    private const MAX_TURNS = 256;

    /** @var int Question and history together; the sidecar takes 1 MiB (SIDECAR_MAX_CHAT_BYTES). */
    private const MAX_BYTES = 1_000_000;

    /** @var int Of a page that was summarized, so many characters are told again. */
    private const MAX_TEXT = 4000;

    /**
     * Returns the turns before a question, the oldest first.
     *
     * Questions without an answer are left out: a model expects that the two take turns.
     *
     * @param \stdClass $question
     * @return list<array{role: string, content: string}>
     */
    public static function before(\stdClass $question): array {
        global $DB;
        $rows = $DB->get_records_select(
            messages::TABLE,
            'conversationid = :conversationid AND id < :id',
            ['conversationid' => $question->conversationid, 'id' => $question->id],
            'id DESC',
            'id, role, action, content',
            0,
            self::MAX_TURNS,
        );
        $turns = [];
        $left = self::MAX_BYTES - strlen((string) $question->content);
        $answer = null;
        foreach ($rows as $row) {
            if ($row->role === messages::ASSISTANT) {
                $answer = trim((string) $row->content);
                continue;
            }
            if ((string) $answer !== '') {
                $asked = self::asked($row);
                $left -= strlen($asked) + strlen($answer);
                if ($left < 0) {
                    break;
                }
                array_unshift($turns, ['role' => 'user', 'content' => $asked], ['role' => 'assistant', 'content' => $answer]);
            }
            $answer = null;
        }
        return $turns;
    }

    /**
     * Returns what the user has said.
     *
     * @param \stdClass $question
     * @return string
     */
    private static function asked(\stdClass $question): string {
        if ($question->action === 'chat') {
            return $question->content;
        }
        $order = $question->action === 'summarize' ? 'Summarize this text:' : 'Analyze this text:';
        return $order . "\n\n" . \core_text::substr($question->content, 0, self::MAX_TEXT);
    }
}
