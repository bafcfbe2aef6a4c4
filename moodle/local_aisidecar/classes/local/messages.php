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
 * The questions and answers that are kept.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class messages {
    /** @var string */
    public const TABLE = 'local_aisidecar_message';

    /** @var int So many are shown at once: to make HTML of an answer takes some milliseconds. */
    public const PER_PAGE = 50;

    /** @var string The answer is being written. */
    public const RUNNING = 'running';
    /** @var string It is whole, as far as the model had something to say. */
    public const COMPLETE = 'complete';
    /** @var string The user has stopped it. */
    public const STOPPED = 'stopped';
    /** @var string It was lost on its way, or nobody read it. */
    public const INTERRUPTED = 'interrupted';
    /** @var string The provider or the sidecar failed. */
    public const FAILED = 'failed';

    /** @var string */
    public const USER = 'user';
    /** @var string */
    public const ASSISTANT = 'assistant';

    /** @var string In the place of a reply's name: a child of PHP writes it, and nobody can read along. */
    public const ONE_SHOT = '!oneshot';

    /**
     * Returns an answer in a conversation of the current user.
     *
     * @param int $id
     * @return \stdClass
     * @throws refused There is none, or it is somebody else's: it cannot be told which.
     */
    public static function require_answer(int $id): \stdClass {
        global $DB, $USER;
        access::require_oneself();
        $row = $DB->get_record(self::TABLE, ['id' => $id, 'userid' => $USER->id, 'role' => self::ASSISTANT]);
        return $row ?: throw new refused('nomessage');
    }

    /**
     * Returns what the current user has asked with this key.
     *
     * @param string $key
     * @return \stdClass|null The answer.
     */
    public static function by_key(string $key): ?\stdClass {
        global $DB, $USER;
        $row = $DB->get_record(self::TABLE, ['userid' => $USER->id, 'requestkey' => $key, 'role' => self::ASSISTANT]);
        return $row ?: null;
    }

    /**
     * Returns the messages of a conversation, in their order.
     *
     * @param int $conversationid
     * @return \stdClass[]
     */
    public static function in(int $conversationid): array {
        global $DB;
        return array_values($DB->get_records(self::TABLE, ['conversationid' => $conversationid], 'id'));
    }

    /**
     * Returns the latest messages of a conversation, in their order.
     *
     * @param int $conversationid
     * @param int $before Those before this one; 0: the latest of all.
     * @return array{0: \stdClass[], 1: bool} The rows, and whether there are earlier ones.
     */
    public static function latest_in(int $conversationid, int $before = 0): array {
        global $DB;
        $rows = $DB->get_records_select(
            self::TABLE,
            'conversationid = :conversationid AND (:all = 0 OR id < :before)',
            ['conversationid' => $conversationid, 'all' => $before, 'before' => $before],
            'id DESC',
            '*',
            0,
            self::PER_PAGE + 1,
        );
        return [array_reverse(array_slice(array_values($rows), 0, self::PER_PAGE)), count($rows) > self::PER_PAGE];
    }

    /**
     * Returns the question that an answer is to.
     *
     * @param \stdClass $answer
     * @return \stdClass
     */
    public static function question_of(\stdClass $answer): \stdClass {
        global $DB;
        $rows = $DB->get_records_select(
            self::TABLE,
            'conversationid = :conversationid AND role = :role AND id < :id',
            ['conversationid' => $answer->conversationid, 'role' => self::USER, 'id' => $answer->id],
            'id DESC',
            '*',
            0,
            1,
        );
        return reset($rows) ?: throw new refused('nomessage');
    }

    /**
     * Adds a message.
     *
     * @param \stdClass $conversation
     * @param place $place
     * @param string $role
     * @param string $action
     * @param string $key
     * @param string $content
     * @return \stdClass The row.
     */
    public static function add(
        \stdClass $conversation,
        place $place,
        string $role,
        string $action,
        string $key,
        string $content,
    ): \stdClass {
        global $DB;
        $row = (object) [
            'conversationid' => $conversation->id,
            'userid' => $conversation->userid,
            'contextid' => $place->context->id,
            'role' => $role,
            'action' => $action,
            'status' => $role === self::USER ? self::COMPLETE : self::RUNNING,
            'content' => self::storable($content),
            'requestkey' => $key,
            'timecreated' => time(),
            'timefinished' => $role === self::USER ? time() : null,
        ];
        $id = $DB->insert_record(self::TABLE, $row);
        return $DB->get_record(self::TABLE, ['id' => $id], '*', MUST_EXIST);
    }

    /**
     * Returns a text without what some databases do not take.
     *
     * @param string $text
     * @return string
     */
    public static function storable(string $text): string {
        return str_replace("\0", '', $text);
    }

    /**
     * Returns the place where a message was asked, or its course's where the activity is gone.
     *
     * @param \stdClass $message
     * @return \context
     */
    public static function context_of(\stdClass $message): \context {
        global $DB;
        $context = \context::instance_by_id($message->contextid, IGNORE_MISSING);
        if (!$context) {
            $home = $DB->get_field(conversations::TABLE, 'contextid', ['id' => $message->conversationid], MUST_EXIST);
            $context = \context::instance_by_id($home, IGNORE_MISSING);
        }
        return $context ?: throw new refused('nomessage');
    }
}
