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

namespace local_aisidecar;

use local_aisidecar\local\conversations;
use local_aisidecar\local\course_settings;
use local_aisidecar\local\messages;
use local_aisidecar\tests\sidecar_testcase;

/**
 * Tests of what cron and the ends of courses and users do with what is kept.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers \local_aisidecar\task\collect_answers
 * @covers \local_aisidecar\task\delete_old_conversations
 * @covers \local_aisidecar\observer
 * @covers \local_aisidecar\local\collecting
 * @covers \local_aisidecar\local\conversations
 */
final class keeping_test extends sidecar_testcase {
    public function test_cron_collects_what_no_page_did(): void {
        $done = $this->aged($this->ask('Is 7 a prime?'), 60);
        $running = $this->aged($this->ask('slow'), 60);

        $this->expectOutputString("Answers collected: 1.\n");
        (new task\collect_answers())->execute();

        $this->assertSame('complete', $this->now($done)->status);
        $this->assertSame('running', $this->now($running)->status);
    }

    public function test_cron_leaves_alone_what_a_page_is_reading(): void {
        $this->ask('slow');

        $this->expectOutputString("Answers collected: 0.\n");
        (new task\collect_answers())->execute();

        $this->assertSame([], $this->asked('resume'));
    }

    public function test_cron_waits_for_a_sidecar_that_is_away_but_not_for_ever(): void {
        $young = $this->aged($this->ask('Is 7 a prime?'), 60);
        $old = $this->aged($this->ask('And 8?'), HOURSECS);
        $this->stop_sidecar();

        $this->expectOutputString("Answers collected: 1.\n");
        (new task\collect_answers())->execute();

        $this->assertSame('running', $this->now($young)->status);
        $this->assertSame('interrupted', $this->now($old)->status);
        $this->start_sidecar();
    }

    public function test_cron_gives_up_where_settings_make_no_sense(): void {
        $this->aged($this->ask('Is 7 a prime?'), 60);
        $old = $this->aged($this->ask('And 8?'), HOURSECS);
        set_config('tcp', 'example.com:80', 'local_aisidecar');

        $this->expectOutputString("Answers collected: 1.\n");
        (new task\collect_answers())->execute();

        $this->assertSame('interrupted', $this->now($old)->status);
    }

    public function test_answer_that_was_never_begun_is_given_up(): void {
        global $DB;
        $answer = $this->ask('Is 7 a prime?');
        $DB->set_field(messages::TABLE, 'reply', null, ['id' => $answer->id]);
        $this->aged($answer, 120);

        $this->expectOutputString("Answers collected: 1.\n");
        (new task\collect_answers())->execute();

        $this->assertSame('interrupted', $this->now($answer)->status);
    }

    public function test_page_and_cron_keep_an_answer_once(): void {
        $answer = $this->ask('Is 7 a prime?');
        $events = $this->redirectEvents();

        // Both have read the row while it was running.
        local\collecting::collect($answer, 1);
        local\collecting::collect($answer, 1);

        $this->assertSame(1, $events->count());
    }

    public function test_old_conversations_are_deleted(): void {
        global $DB;
        $old = $this->ask('Is 7 a prime?');
        $young = $this->ask('Is 8 a prime?');
        $DB->set_field(conversations::TABLE, 'timemodified', time() - 40 * DAYSECS, ['id' => $old->conversationid]);
        set_config('retentiondays', 30, 'local_aisidecar');

        $this->expectOutputString("Conversations deleted: 1.\n");
        (new task\delete_old_conversations())->execute();

        $this->assertFalse($this->now($old));
        $this->assertNotFalse($this->now($young));
    }

    public function test_without_a_limit_nothing_is_deleted(): void {
        global $DB;
        $old = $this->ask('Is 7 a prime?');
        $DB->set_field(conversations::TABLE, 'timemodified', 1, ['id' => $old->conversationid]);
        set_config('retentiondays', 0, 'local_aisidecar');

        $this->expectOutputString("Conversations are kept for ever.\n");
        (new task\delete_old_conversations())->execute();

        $this->assertNotFalse($this->now($old));
    }

    public function test_course_that_is_deleted_takes_its_conversations_along(): void {
        global $DB;
        (new course_settings(true, 'You are a tutor.'))->save($this->course->id);
        $this->ask('Is 7 a prime?');

        delete_course($this->course, false);

        foreach (['course', 'conversation', 'message'] as $table) {
            $this->assertSame(0, $DB->count_records("local_aisidecar_$table"), $table);
        }
    }

    public function test_user_who_is_deleted_takes_his_conversations_along(): void {
        global $DB;
        $this->ask('Is 7 a prime?');

        delete_user($this->student);

        $this->assertSame(0, $DB->count_records(conversations::TABLE));
        $this->assertSame(0, $DB->count_records(messages::TABLE));
    }
}
