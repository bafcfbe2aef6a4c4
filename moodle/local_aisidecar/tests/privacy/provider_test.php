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

use core_privacy\local\metadata\types\external_location;
use core_privacy\local\request\approved_contextlist;
use core_privacy\local\request\approved_userlist;
use core_privacy\local\request\userlist;
use core_privacy\local\request\writer;
use core_privacy\tests\provider_testcase;
use local_aisidecar\local\conversations;
use local_aisidecar\local\course_settings;
use local_aisidecar\local\messages;

/**
 * Tests of what is known of people, handed out and deleted.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers \local_aisidecar\privacy\provider
 */
final class provider_test extends provider_testcase {
    /** @var \stdClass[] */
    private array $users;

    /** @var \context[] */
    private array $contexts;

    #[\Override]
    protected function setUp(): void {
        parent::setUp();
        $this->resetAfterTest();
        $generator = $this->getDataGenerator();
        $ours = $generator->get_plugin_generator('local_aisidecar');
        $this->users = [$generator->create_user(), $generator->create_user()];
        $this->contexts = [
            \context_course::instance($generator->create_course()->id),
            \context_course::instance($generator->create_course()->id),
            \context_system::instance(),
        ];
        foreach ($this->users as $number => $user) {
            foreach ($this->contexts as $place => $context) {
                $ours->create_conversation($user, $context, ["Question $number$place" => "Answer $number$place"]);
            }
        }
    }

    public function test_metadata_names_tables_and_where_it_goes(): void {
        $items = provider::get_metadata(new \core_privacy\local\metadata\collection('local_aisidecar'))->get_collection();
        $this->assertCount(4, $items);
        $external = array_filter($items, static fn($item): bool => $item instanceof external_location);
        $this->assertCount(1, $external);
        foreach ($items as $item) {
            foreach ([$item->get_summary(), ...array_values($item->get_privacy_fields())] as $string) {
                $this->assertTrue(get_string_manager()->string_exists($string, 'local_aisidecar'), $string);
            }
        }
    }

    public function test_contexts_of_a_user_are_found(): void {
        $found = provider::get_contexts_for_userid($this->users[0]->id)->get_contextids();
        $this->assertEqualsCanonicalizing(array_column($this->contexts, 'id'), $found);
        $teacher = $this->getDataGenerator()->create_user();
        $this->setUser($teacher);
        (new course_settings(true, 'You are a tutor.'))->save($this->contexts[0]->instanceid);
        $this->assertEquals([$this->contexts[0]->id], provider::get_contexts_for_userid($teacher->id)->get_contextids());
    }

    public function test_users_of_a_context_are_found(): void {
        foreach ($this->contexts as $context) {
            $list = new userlist($context, 'local_aisidecar');
            provider::get_users_in_context($list);
            $this->assertEqualsCanonicalizing(array_column($this->users, 'id'), $list->get_userids());
        }
    }

    public function test_everything_of_a_user_is_handed_out(): void {
        $this->export_context_data_for_user($this->users[0]->id, $this->contexts[1], 'local_aisidecar');
        $writer = writer::with_context($this->contexts[1]);
        $id = $this->conversations_of($this->users[0]->id, $this->contexts[1]->id)[0];
        $data = $writer->get_data([get_string('pluginname', 'local_aisidecar'), $id]);
        $this->assertSame('Question 01', $data->title);
        $this->assertSame(['Question 01', 'Answer 01'], array_column($data->messages, 'content'));
        $this->assertStringNotContainsString('Question 1', json_encode($data));
    }

    public function test_settings_of_a_teacher_are_handed_out(): void {
        $this->setUser($this->users[1]);
        (new course_settings(false, 'You are a tutor.'))->save($this->contexts[0]->instanceid);
        $this->export_context_data_for_user($this->users[1]->id, $this->contexts[0], 'local_aisidecar');
        $path = [get_string('pluginname', 'local_aisidecar'), get_string('coursesettings', 'local_aisidecar')];
        $this->assertSame('You are a tutor.', writer::with_context($this->contexts[0])->get_data($path)->persona);
    }

    public function test_all_of_a_context_is_deleted(): void {
        provider::delete_data_for_all_users_in_context($this->contexts[0]);
        foreach ($this->users as $user) {
            $this->assertSame([], $this->conversations_of($user->id, $this->contexts[0]->id));
            $this->assertCount(1, $this->conversations_of($user->id, $this->contexts[1]->id));
        }
    }

    public function test_one_user_is_deleted_in_the_approved_contexts(): void {
        global $DB;
        $ids = [$this->contexts[0]->id, $this->contexts[2]->id];
        provider::delete_data_for_user(new approved_contextlist($this->users[0], 'local_aisidecar', $ids));
        $this->assertSame([], $this->conversations_of($this->users[0]->id, $this->contexts[0]->id));
        $this->assertSame([], $this->conversations_of($this->users[0]->id, $this->contexts[2]->id));
        $this->assertCount(1, $this->conversations_of($this->users[0]->id, $this->contexts[1]->id));
        $this->assertSame(3, $DB->count_records(conversations::TABLE, ['userid' => $this->users[1]->id]));
        $this->assertSame(2, $DB->count_records(messages::TABLE, ['userid' => $this->users[0]->id]));
    }

    public function test_users_are_deleted_in_a_context(): void {
        $list = new approved_userlist($this->contexts[0], 'local_aisidecar', [$this->users[1]->id]);
        provider::delete_data_for_users($list);
        $this->assertSame([], $this->conversations_of($this->users[1]->id, $this->contexts[0]->id));
        $this->assertCount(1, $this->conversations_of($this->users[0]->id, $this->contexts[0]->id));
    }

    public function test_settings_stay_without_the_name_of_their_author(): void {
        global $DB;
        $this->setUser($this->users[0]);
        (new course_settings(true, 'You are a tutor.'))->save($this->contexts[0]->instanceid);
        provider::delete_data_for_user(
            new approved_contextlist($this->users[0], 'local_aisidecar', [$this->contexts[0]->id]),
        );
        $row = $DB->get_record('local_aisidecar_course', ['courseid' => $this->contexts[0]->instanceid]);
        $this->assertEquals(0, $row->usermodified);
        $this->assertSame('You are a tutor.', $row->persona);
    }

    /**
     * Returns which conversations a user has in a context.
     *
     * @param int $userid
     * @param int $contextid
     * @return array
     */
    private function conversations_of(int $userid, int $contextid): array {
        global $DB;
        return $DB->get_fieldset_select(conversations::TABLE, 'id', 'userid = ? AND contextid = ?', [$userid, $contextid]);
    }
}
