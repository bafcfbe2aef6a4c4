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
 * The conversations that are kept. Whoever names one is asked for whose it is.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class conversations {
    /** @var string */
    public const TABLE = 'local_aisidecar_conversation';

    /** @var int How many a page of the history has. */
    public const PER_PAGE = 20;

    /** @var int In characters. */
    private const TITLE = 80;

    /**
     * Returns a conversation of the current user.
     *
     * @param int $id
     * @return \stdClass
     * @throws refused There is none, or it is somebody else's: it cannot be told which.
     */
    public static function require(int $id): \stdClass {
        global $DB, $USER;
        access::require_oneself();
        $row = $DB->get_record(self::TABLE, ['id' => $id, 'userid' => $USER->id]);
        return $row ?: throw new refused('noconversation');
    }

    /**
     * Returns the latest conversation of the current user in a place.
     *
     * @param place $place
     * @return \stdClass|null
     */
    public static function latest(place $place): ?\stdClass {
        global $DB, $USER;
        $rows = $DB->get_records(
            self::TABLE,
            ['userid' => $USER->id, 'contextid' => $place->home->id],
            'timemodified DESC, id DESC',
            '*',
            0,
            1,
        );
        return reset($rows) ?: null;
    }

    /**
     * Lists the conversations of the current user, the latest first.
     *
     * @param int $page From 0 on.
     * @return array{0: \stdClass[], 1: bool} The rows, and whether there are more.
     */
    public static function page(int $page): array {
        global $DB, $USER;
        access::require_oneself();
        $rows = $DB->get_records(
            self::TABLE,
            ['userid' => $USER->id],
            'timemodified DESC, id DESC',
            '*',
            $page * self::PER_PAGE,
            self::PER_PAGE + 1,
        );
        return [array_slice(array_values($rows), 0, self::PER_PAGE), count($rows) > self::PER_PAGE];
    }

    /**
     * Returns the context that a conversation belongs to.
     *
     * @param \stdClass $conversation
     * @return \context
     * @throws refused Its course is gone.
     */
    public static function home_of(\stdClass $conversation): \context {
        return \context::instance_by_id($conversation->contextid, IGNORE_MISSING) ?: throw new refused('noconversation');
    }

    /**
     * Returns the name of the course that a conversation belongs to, as text.
     *
     * @param \stdClass $conversation
     * @return string Empty: it belongs to none.
     */
    public static function place_name(\stdClass $conversation): string {
        $home = \context::instance_by_id($conversation->contextid, IGNORE_MISSING);
        return $home instanceof \context_course ? html_entity_decode($home->get_context_name(false), ENT_QUOTES | ENT_HTML5) : '';
    }

    /**
     * Begins a conversation of the current user. The first words of its question are its title.
     *
     * @param place $place
     * @param string $question
     * @return \stdClass
     */
    public static function create(place $place, string $question): \stdClass {
        global $DB, $USER;
        $row = (object) [
            'userid' => $USER->id,
            'contextid' => $place->home->id,
            'title' => rendering::line($question, self::TITLE),
            'timecreated' => time(),
            'timemodified' => time(),
        ];
        $row->id = $DB->insert_record(self::TABLE, $row);
        return $row;
    }

    /**
     * Returns the page of a conversation.
     *
     * @param \stdClass $conversation
     * @return \moodle_url
     */
    public static function url(\stdClass $conversation): \moodle_url {
        return new \moodle_url('/local/aisidecar/history.php', ['conversationid' => $conversation->id]);
    }

    /**
     * Deletes a conversation of the current user.
     *
     * @param \stdClass $conversation
     */
    public static function delete(\stdClass $conversation): void {
        self::delete_where('id = :id', ['id' => $conversation->id]);
        $context = \context::instance_by_id($conversation->contextid, IGNORE_MISSING) ?: \context_system::instance();
        \local_aisidecar\event\conversation_deleted::create(['context' => $context, 'objectid' => $conversation->id])->trigger();
    }

    /**
     * Deletes conversations with all that was said in them, and stops what is being written.
     *
     * @param string $select What a row has to fulfil, as SQL.
     * @param array $params
     * @return int How many there were.
     */
    public static function delete_where(string $select, array $params = []): int {
        global $DB;
        $ids = $DB->get_fieldset_select(self::TABLE, 'id', $select, $params);
        foreach (array_chunk($ids, 500) as $chunk) {
            [$in, $inparams] = $DB->get_in_or_equal($chunk, SQL_PARAMS_NAMED);
            $running = $DB->get_records_select(
                messages::TABLE,
                "conversationid $in AND status = :running",
                $inparams + ['running' => messages::RUNNING],
            );
            array_map(stopping::cancel_quietly(...), $running);
            $DB->delete_records_select(messages::TABLE, "conversationid $in", $inparams);
            $DB->delete_records_select(self::TABLE, "id $in", $inparams);
        }
        return count($ids);
    }
}
