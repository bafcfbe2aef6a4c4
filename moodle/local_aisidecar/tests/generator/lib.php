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

use local_aisidecar\local\conversations;
use local_aisidecar\local\messages;
use local_aisidecar\local\rendering;

/**
 * Makes conversations for tests.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class local_aisidecar_generator extends component_generator_base {
    /**
     * Makes a conversation.
     *
     * @param stdClass $user
     * @param context $context Of the course, or of the system.
     * @param string[] $said Answers, by their questions.
     * @return stdClass
     */
    public function create_conversation(stdClass $user, context $context, array $said): stdClass {
        global $DB;
        $row = (object) [
            'userid' => $user->id,
            'contextid' => $context->id,
            'title' => rendering::line((string) array_key_first($said), 80),
            'timecreated' => time(),
            'timemodified' => time(),
        ];
        $row->id = $DB->insert_record(conversations::TABLE, $row);
        foreach ($said as $question => $answer) {
            foreach ([messages::USER => $question, messages::ASSISTANT => $answer] as $role => $content) {
                $DB->insert_record(messages::TABLE, (object) [
                    'conversationid' => $row->id,
                    'userid' => $user->id,
                    'contextid' => $context->id,
                    'role' => $role,
                    'action' => 'chat',
                    'status' => messages::COMPLETE,
                    'content' => $content,
                    'requestkey' => md5("$row->id/$question"),
                    'timecreated' => time(),
                    'timefinished' => time(),
                ]);
            }
        }
        return $row;
    }
}
