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
use local_aisidecar\local\asking;
use local_aisidecar\local\failures;
use local_aisidecar\local\place;
use local_aisidecar\local\refused;
use local_aisidecar\tests\sidecar_testcase;

/**
 * Tests of reading, stopping and collecting, as a page does it.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers \local_aisidecar\external\read
 * @covers \local_aisidecar\external\finish
 * @covers \local_aisidecar\external\stop
 * @covers \local_aisidecar\local\reading
 * @covers \local_aisidecar\local\collecting
 * @covers \local_aisidecar\local\stopping
 */
final class reading_test extends sidecar_testcase {
    public function test_read_returns_what_is_there_and_waits_for_nothing(): void {
        $answer = $this->ask('slow');
        $begun = microtime(true);

        $found = $this->read($answer->id, 0);

        $this->assertSame(['status' => 'running', 'after' => 1, 'text' => 'So far ', 'progress' => null], $found);
        $this->assertLessThan(1, microtime(true) - $begun);
        $this->assertSame('', $this->read($answer->id, 1)['text']);
    }

    public function test_read_tells_how_far_the_work_is_before_the_text(): void {
        $answer = $this->ask('parts');

        $found = $this->read($answer->id, 0);

        $this->assertSame(['stage' => 'reading', 'done' => 1, 'total' => 3], $found['progress']);
        $this->assertSame(['running', 0, ''], [$found['status'], $found['after'], $found['text']]);
    }

    public function test_read_says_when_there_is_no_more(): void {
        $answer = $this->ask('Is 7 a prime?');

        $found = $this->read($answer->id, 0);

        $this->assertSame('ended', $found['status']);
        $this->assertSame('Answer to: Is 7 a prime?', $found['text']);
        $this->assertSame('running', $this->now($answer)->status);
    }

    public function test_finish_keeps_text_and_usage(): void {
        $answer = $this->ask('Is 7 a prime?');
        $events = $this->redirectEvents();

        $message = $this->finish($answer->id);

        $this->assertSame('complete', $message['status']);
        $this->assertSame('Answer to: Is 7 a prime?', $message['text']);
        $this->assertNull($message['notice']);
        $row = $this->now($answer);
        $this->assertEquals([21, 7, 'stop', 'fake'], [$row->prompttokens, $row->completiontokens, $row->finishreason, $row->model]);
        $this->assertInstanceOf(\local_aisidecar\event\answer_received::class, $events->get_events()[0]);
    }

    public function test_finish_twice_collects_once(): void {
        $answer = $this->ask('Is 7 a prime?');
        $this->finish($answer->id);
        $events = $this->redirectEvents();

        $this->finish($answer->id);

        $this->assertCount(1, $this->asked('resume'));
        $this->assertSame(0, $events->count());
    }

    public function test_stop_keeps_what_there_is(): void {
        $answer = $this->ask('slow');

        $message = external_api::clean_returnvalue(stop::execute_returns(), stop::execute($answer->id));

        $this->assertSame('stopped', $message['status']);
        $this->assertSame('So far ', $message['text']);
        $this->assertSame('You stopped this answer.', $message['notice']['message']);
        $this->assertTrue($message['notice']['canretry']);
        $this->assertCount(1, $this->asked('cancel'));
    }

    public function test_what_nobody_read_is_interrupted_not_stopped(): void {
        $message = $this->finish($this->ask('end:cancelled')->id);

        $this->assertSame('interrupted', $message['status']);
        $this->assertSame('Half an answer', $message['text']);
        $this->assertSame('interrupted', $message['notice']['code']);
        $this->assertTrue($message['notice']['canretry']);
    }

    public function test_restart_of_the_sidecar_interrupts(): void {
        $answer = $this->ask('slow');
        $this->stop_sidecar();
        $this->start_sidecar();

        $this->assertSame('ended', $this->read($answer->id, 0)['status']);
        $message = $this->finish($answer->id);

        $this->assertSame('interrupted', $message['status']);
        $this->assertSame('lost', $message['notice']['code']);
    }

    public function test_sidecar_that_stays_away_interrupts(): void {
        $answer = $this->ask('slow');
        $this->stop_sidecar();

        $this->assertSame('ended', $this->read($answer->id, 0)['status']);
        $this->assertSame('interrupted', $this->finish($answer->id)['status']);
        $this->start_sidecar();
    }

    public function test_answer_that_is_still_written_stays_running(): void {
        $answer = $this->ask('slow');
        $this->assertSame('running', \local_aisidecar\local\collecting::finish($answer, 0.3)->status);
    }

    /**
     * Gives ends of an answer.
     *
     * @return array[]
     */
    public static function ends(): array {
        return [
            ['timeout_idle', 'failed', true],
            ['truncated', 'failed', true],
            ['upstream_error', 'failed', true],
            ['upstream_auth', 'failed', false],
            ['draining', 'interrupted', true],
            ['a_code_of_tomorrow', 'failed', true],
        ];
    }

    /**
     * Tests them.
     *
     * @dataProvider ends
     * @param string $code
     * @param string $status
     * @param bool $canretry
     */
    public function test_failure_keeps_the_text_and_says_what_to_do(string $code, string $status, bool $canretry): void {
        $answer = $this->ask("end:$code");
        $events = $this->redirectEvents();

        $message = $this->finish($answer->id);

        $this->assertSame($status, $message['status']);
        $this->assertSame('Half an answer', $message['text']);
        $this->assertSame($code, $message['notice']['code']);
        $this->assertSame($canretry, $message['notice']['canretry']);
        $this->assertStringNotContainsString('The cause.', $message['notice']['message']);
        $this->assertSame($code, $events->get_events()[0]->other['code']);
        $this->assertSame(['The cause.', $code], [failures::latest()[0]['cause'], failures::latest()[0]['code']]);
    }

    public function test_read_is_refused_and_finish_is_not_where_the_activity_was_hidden_meanwhile(): void {
        $page = $this->getDataGenerator()->create_module('page', ['course' => $this->course->id]);
        $asking = new asking(place::of(\context_module::instance($page->cmid)), 'chat');
        [, $answer] = $asking->ask('Is 7 a prime?', 0, self::key());
        set_coursemodule_visible($page->cmid, 0);

        try {
            $this->read($answer->id, 0);
            $this->fail('It was read.');
        } catch (\require_login_exception) {
            $this->assertSame('running', $this->now($answer)->status);
        }
        $this->assertSame('Answer to: Is 7 a prime?', $this->finish($answer->id)['text']);
    }

    public function test_nobody_reads_or_ends_what_is_somebody_elses(): void {
        $answer = $this->ask('slow');
        $this->setUser($this->student_of_course());
        $calls = [
            fn() => read::execute($answer->id, 0),
            fn() => finish::execute($answer->id),
            fn() => stop::execute($answer->id),
            fn() => get_conversation::execute($this->context->id, $answer->conversationid),
            fn() => delete_conversation::execute($answer->conversationid),
            fn() => start::execute($this->context->id, 'chat', 'Hi', $answer->conversationid, self::key(), 0),
            fn() => start::execute($this->context->id, 'chat', '', 0, self::key(), $answer->id),
        ];
        foreach ($calls as $number => $call) {
            try {
                $call();
                $this->fail("Call $number was not refused.");
            } catch (refused $exception) {
                $this->assertContains($exception->reason, ['nomessage', 'noconversation']);
            }
        }
        $this->assertSame([], $this->asked('cancel'));
        $this->assertSame('running', $this->now($answer)->status);
    }

    /**
     * Calls the web service, as a browser does.
     *
     * @param int $messageid
     * @param int $after
     * @return array
     */
    private function read(int $messageid, int $after): array {
        return external_api::clean_returnvalue(read::execute_returns(), read::execute($messageid, $after));
    }

    /**
     * Calls the web service, as a browser does.
     *
     * @param int $messageid
     * @return array
     */
    private function finish(int $messageid): array {
        return external_api::clean_returnvalue(finish::execute_returns(), finish::execute($messageid));
    }
}
