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

namespace local_aisidecar\external;

use core_external\external_api;
use local_aisidecar\local\conversations;
use local_aisidecar\local\messages;
use local_aisidecar\tests\sidecar_testcase;

/**
 * Tests of the conversations that a user finds again.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers \local_aisidecar\external\get_conversation
 * @covers \local_aisidecar\external\get_conversations
 * @covers \local_aisidecar\external\delete_conversation
 * @covers \local_aisidecar\local\conversations
 */
final class conversations_test extends sidecar_testcase {
    public function test_conversation_shows_what_can_be_read_on(): void {
        $done = $this->ask('Is 7 a prime?');
        finish::execute($done->id);
        $running = $this->ask('slow', $done->conversationid);

        $found = external_api::clean_returnvalue(
            get_conversation::execute_returns(),
            get_conversation::execute($this->context->id, 0),
        );

        $this->assertEquals($done->conversationid, $found['conversationid']);
        $this->assertSame(['user', 'assistant', 'user', 'assistant'], array_column($found['messages'], 'role'));
        $this->assertEquals($running->id, $found['running']['messageid']);
    }

    public function test_there_is_no_conversation_before_the_first_question(): void {
        $found = get_conversation::execute($this->context->id, 0);
        $found = external_api::clean_returnvalue(get_conversation::execute_returns(), $found);
        $this->assertSame(['conversationid' => 0, 'messages' => [], 'earlier' => false, 'running' => null], $found);
    }

    public function test_long_conversation_comes_in_pages(): void {
        $said = [];
        for ($i = 0; $i < 30; $i++) {
            $said["Question $i"] = "Answer $i";
        }
        $generator = $this->getDataGenerator()->get_plugin_generator('local_aisidecar');
        $conversation = $generator->create_conversation($this->student, $this->context, $said);

        $latest = get_conversation::execute($this->context->id, $conversation->id);
        $before = get_conversation::execute($this->context->id, $conversation->id, $latest['messages'][0]['id']);

        $this->assertSame([50, true], [count($latest['messages']), $latest['earlier']]);
        $this->assertSame('Answer 29', end($latest['messages'])['text']);
        $this->assertSame([10, false], [count($before['messages']), $before['earlier']]);
        $this->assertSame('Question 0', $before['messages'][0]['text']);
    }

    public function test_conversations_of_all_courses_are_listed_by_pages(): void {
        for ($i = 0; $i <= conversations::PER_PAGE; $i++) {
            $this->ask("Question $i");
        }
        $first = get_conversations::execute($this->context->id, 0);
        $first = external_api::clean_returnvalue(get_conversations::execute_returns(), $first);
        $second = get_conversations::execute($this->context->id, 1);

        $this->assertCount(conversations::PER_PAGE, $first['conversations']);
        $this->assertTrue($first['more']);
        $this->assertSame(['Question 0'], array_column($second['conversations'], 'title'));
        $this->assertFalse($second['more']);
        $this->assertSame($this->course->fullname, $first['conversations'][0]['place']);
    }

    public function test_conversation_of_one_course_stays_there_when_asked_in_from_another(): void {
        $answer = $this->ask('Is 7 a prime?');
        $elsewhere = $this->getDataGenerator()->create_course();
        $this->getDataGenerator()->enrol_user($this->student->id, $elsewhere->id, 'student');

        start::execute(\context_course::instance($elsewhere->id)->id, 'chat', 'And 8?', $answer->conversationid, self::key(), 0);

        $this->assertEquals($this->course->id, $this->asked('chat')[1]['course_id']);
    }

    public function test_delete_stops_what_is_being_written(): void {
        global $DB;
        $answer = $this->ask('slow');

        $this->assertTrue(delete_conversation::execute($answer->conversationid));

        $this->assertCount(1, $this->asked('cancel'));
        $this->assertSame(0, $DB->count_records(messages::TABLE));
        $this->assertSame(0, $DB->count_records(conversations::TABLE));
    }
}
