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

namespace local_aisidecar\privacy;

use core_privacy\local\metadata\collection;
use core_privacy\local\request\approved_contextlist;
use core_privacy\local\request\approved_userlist;
use core_privacy\local\request\contextlist;
use core_privacy\local\request\transform;
use core_privacy\local\request\userlist;
use core_privacy\local\request\writer;
use local_aisidecar\local\conversations;
use local_aisidecar\local\messages;

/**
 * What is known of people here, and who gets it: conversations in our tables, and questions to the sidecar and the AI service.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class provider implements
    \core_privacy\local\metadata\provider,
    \core_privacy\local\request\core_userlist_provider,
    \core_privacy\local\request\plugin\provider {
    /**
     * Describes it.
     *
     * @param collection $collection
     * @return collection
     */
    public static function get_metadata(collection $collection): collection {
        $tables = [
            'conversation' => ['userid', 'contextid', 'title', 'timecreated', 'timemodified'],
            'message' => [
                'userid', 'contextid', 'role', 'action', 'status', 'content', 'prompttokens', 'completiontokens', 'timecreated',
                'timefinished',
            ],
            'course' => ['usermodified', 'enabled', 'persona', 'timemodified'],
        ];
        foreach ($tables as $name => $fields) {
            $collection->add_database_table("local_aisidecar_$name", self::strings($name, $fields), "privacy:metadata:$name");
        }
        $sent = ['content', 'history', 'instructions', 'user_id', 'course_id'];
        $collection->add_external_location_link('sidecar', self::strings('sidecar', $sent), 'privacy:metadata:sidecar');
        return $collection;
    }

    /**
     * Returns where a user has conversations, or has set something.
     *
     * @param int $userid
     * @return contextlist
     */
    public static function get_contexts_for_userid(int $userid): contextlist {
        $list = new contextlist();
        $list->add_from_sql(
            'SELECT contextid FROM {local_aisidecar_conversation} WHERE userid = :userid',
            ['userid' => $userid],
        );
        $list->add_from_sql(
            'SELECT c.id FROM {local_aisidecar_course} s
               JOIN {context} c ON c.instanceid = s.courseid AND c.contextlevel = :level
              WHERE s.usermodified = :userid',
            ['userid' => $userid, 'level' => CONTEXT_COURSE],
        );
        return $list;
    }

    /**
     * Returns who has conversations in a context, or has set something.
     *
     * @param userlist $userlist
     */
    public static function get_users_in_context(userlist $userlist) {
        $context = $userlist->get_context();
        $userlist->add_from_sql(
            'userid',
            'SELECT userid FROM {local_aisidecar_conversation} WHERE contextid = :contextid',
            ['contextid' => $context->id],
        );
        if ($context instanceof \context_course) {
            $userlist->add_from_sql(
                'usermodified',
                'SELECT usermodified FROM {local_aisidecar_course} WHERE courseid = :courseid',
                ['courseid' => $context->instanceid],
            );
        }
    }

    /**
     * Hands out what is known of a user.
     *
     * @param approved_contextlist $contextlist
     */
    public static function export_user_data(approved_contextlist $contextlist) {
        global $DB;
        $userid = $contextlist->get_user()->id;
        foreach ($contextlist->get_contexts() as $context) {
            $where = ['userid' => $userid, 'contextid' => $context->id];
            foreach ($DB->get_records(conversations::TABLE, $where, 'id') as $conversation) {
                self::export_conversation($context, $conversation);
            }
            self::export_course($context, $userid);
        }
    }

    /**
     * Deletes what is in a context.
     *
     * @param \context $context
     */
    public static function delete_data_for_all_users_in_context(\context $context) {
        conversations::delete_where('contextid = :contextid', ['contextid' => $context->id]);
        self::forget_authors('courseid = :courseid', $context);
    }

    /**
     * Deletes what a user has in some contexts.
     *
     * @param approved_contextlist $contextlist
     */
    public static function delete_data_for_user(approved_contextlist $contextlist) {
        $userid = $contextlist->get_user()->id;
        foreach ($contextlist->get_contexts() as $context) {
            self::delete_users([$userid], $context);
        }
    }

    /**
     * Deletes what some users have in a context.
     *
     * @param approved_userlist $userlist
     */
    public static function delete_data_for_users(approved_userlist $userlist) {
        if ($userlist->get_userids() !== []) {
            self::delete_users($userlist->get_userids(), $userlist->get_context());
        }
    }

    /**
     * Deletes users' conversations in a context; what they have set for its course stays, without their names.
     *
     * @param int[] $userids
     * @param \context $context
     */
    private static function delete_users(array $userids, \context $context): void {
        global $DB;
        [$in, $params] = $DB->get_in_or_equal($userids, SQL_PARAMS_NAMED);
        conversations::delete_where("userid $in AND contextid = :contextid", $params + ['contextid' => $context->id]);
        self::forget_authors("usermodified $in AND courseid = :courseid", $context, $params);
    }

    /**
     * Forgets who has set something for a course.
     *
     * @param string $select
     * @param \context $context
     * @param array $params
     */
    private static function forget_authors(string $select, \context $context, array $params = []): void {
        global $DB;
        if ($context instanceof \context_course) {
            $params += ['courseid' => $context->instanceid];
            $DB->set_field_select('local_aisidecar_course', 'usermodified', 0, $select, $params);
        }
    }

    /**
     * Hands out a conversation.
     *
     * @param \context $context
     * @param \stdClass $conversation
     */
    private static function export_conversation(\context $context, \stdClass $conversation): void {
        $said = array_map(static fn(\stdClass $row): array => [
            'role' => $row->role,
            'action' => $row->action,
            'status' => $row->status,
            'content' => $row->content,
            'page' => (\context::instance_by_id($row->contextid, IGNORE_MISSING) ?: $context)->get_context_name(),
            'prompttokens' => $row->prompttokens,
            'completiontokens' => $row->completiontokens,
            'timecreated' => transform::datetime($row->timecreated),
            'timefinished' => $row->timefinished === null ? null : transform::datetime($row->timefinished),
        ], messages::in($conversation->id));
        writer::with_context($context)->export_data(
            [get_string('pluginname', 'local_aisidecar'), "$conversation->id"],
            (object) [
                'title' => $conversation->title,
                'timecreated' => transform::datetime($conversation->timecreated),
                'timemodified' => transform::datetime($conversation->timemodified),
                'messages' => $said,
            ],
        );
    }

    /**
     * Hands out what a user has set for a course.
     *
     * @param \context $context
     * @param int $userid
     */
    private static function export_course(\context $context, int $userid): void {
        global $DB;
        if (!$context instanceof \context_course) {
            return;
        }
        $row = $DB->get_record('local_aisidecar_course', ['courseid' => $context->instanceid, 'usermodified' => $userid]);
        if ($row) {
            writer::with_context($context)->export_data(
                [get_string('pluginname', 'local_aisidecar'), get_string('coursesettings', 'local_aisidecar')],
                (object) [
                    'enabled' => transform::yesno($row->enabled),
                    'persona' => $row->persona,
                    'timemodified' => transform::datetime($row->timemodified),
                ],
            );
        }
    }

    /**
     * Returns the names of the texts that describe some fields.
     *
     * @param string $name
     * @param string[] $fields
     * @return string[]
     */
    private static function strings(string $name, array $fields): array {
        return array_combine($fields, array_map(static fn(string $field): string => "privacy:metadata:$name:$field", $fields));
    }
}
