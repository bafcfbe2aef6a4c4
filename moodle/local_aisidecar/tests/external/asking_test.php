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
use local_aisidecar\local\course_settings;
use local_aisidecar\local\message_data;
use local_aisidecar\local\messages;
use local_aisidecar\local\refused;
use local_aisidecar\local\sidecar;
use local_aisidecar\tests\sidecar_testcase;

/**
 * Tests of asking.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers \local_aisidecar\external\start
 * @covers \local_aisidecar\local\asking
 * @covers \local_aisidecar\local\prompt
 * @covers \local_aisidecar\local\prompt_history
 * @covers \local_aisidecar\local\limits
 */
final class asking_test extends sidecar_testcase {
    public function test_start_returns_question_and_running_answer(): void {
        $redirect = $this->redirectEvents();

        $started = $this->start('Is <b>7</b> a prime? if (a<b) { }');

        $this->assertSame('Is <b>7</b> a prime? if (a<b) { }', $started['question']['text']);
        $this->assertSame('', $started['question']['html']);
        $this->assertSame('Is &lt;b&gt;7&lt;/b&gt; a prime? if (a&lt;b) { }', $this->html($started['question']));
        $this->assertSame('running', $started['answer']['status']);
        $this->assertSame('relay', $started['delivery']);
        $events = array_map(get_class(...), $redirect->get_events());
        $this->assertSame([\local_aisidecar\event\question_asked::class], $events);
    }

    public function test_sidecar_is_told_pseudonym_persona_and_course(): void {
        (new course_settings(true, 'You are a tutor.'))->save($this->course->id);

        $this->start('Is 7 a prime?');

        [$request] = $this->asked('chat');
        $this->assertSame(sidecar::pseudonym($this->student->id), $request['user_id']);
        $this->assertStringNotContainsString((string) $this->student->username, json_encode($request));
        $this->assertSame('You are a tutor.', $request['instructions']);
        $this->assertEquals($this->course->id, $request['course_id']);
        $this->assertTrue($request['detach']);
        // Whoever closes the page finds the whole answer in the history later.
        $this->assertSame(600, $request['grace_seconds']);
        $this->assertSame([], $request['history']);
    }

    public function test_persona_of_site_holds_where_course_has_none(): void {
        set_config('persona', 'You belong to the site.', 'local_aisidecar');

        $this->start('Is 7 a prime?');

        $this->assertSame('You belong to the site.', $this->asked('chat')[0]['instructions']);
    }

    public function test_same_key_asks_once(): void {
        $key = self::key();

        $first = $this->start('Is 7 a prime?', key: $key);
        $second = $this->start('Is 7 a prime?', key: $key);

        $this->assertSame($first['answer']['id'], $second['answer']['id']);
        $this->assertSame($first['question']['id'], $second['question']['id']);
        $this->assertCount(1, $this->asked('chat'));
    }

    public function test_same_key_goes_on_where_php_ended_in_between(): void {
        global $DB;
        $key = self::key();
        $first = $this->start('Is 7 a prime?', key: $key);
        $reply = $DB->get_field(messages::TABLE, 'reply', ['id' => $first['answer']['id']]);
        $DB->set_field(messages::TABLE, 'reply', null, ['id' => $first['answer']['id']]);

        $second = $this->start('Is 7 a prime?', key: $key);

        $this->assertSame($first['answer']['id'], $second['answer']['id']);
        $this->assertSame($reply, $DB->get_field(messages::TABLE, 'reply', ['id' => $first['answer']['id']]));
    }

    public function test_keys_of_two_users_never_meet(): void {
        $key = self::key();
        $first = $this->start('Is 7 a prime?', key: $key);
        $this->setUser($this->student_of_course());

        $second = $this->start('Is 8 a prime?', key: $key);

        $this->assertNotSame($first['answer']['id'], $second['answer']['id']);
        $this->assertCount(2, $this->asked('chat'));
    }

    public function test_history_goes_along_without_questions_that_got_no_answer(): void {
        $answer = $this->ask('Is 7 a prime?');
        finish::execute($answer->id);
        $failed = $this->ask('say ', $answer->conversationid);
        finish::execute($failed->id);

        $this->start('And 8?', $answer->conversationid);

        $this->assertSame([
            ['role' => 'user', 'content' => 'Is 7 a prime?'],
            ['role' => 'assistant', 'content' => 'Answer to: Is 7 a prime?'],
        ], $this->asked('chat')[2]['history']);
    }

    public function test_summary_is_asked_for_and_shown_in_short(): void {
        $text = str_repeat('A prime has two divisors. ', 100);

        $started = $this->start($text, action: 'summarize');

        $this->assertSame($text, $this->asked('summarize')[0]['content']);
        $html = $this->html($started['question']);
        $this->assertStringStartsWith('Summarise this text: A prime', $html);
        $this->assertSame([true, 2000], [$started['question']['truncated'], mb_strlen($started['question']['text'])]);
        $this->assertLessThan(300, strlen($html));
    }

    public function test_what_is_refused_leaves_nothing_behind(): void {
        global $DB;
        $events = $this->redirectEvents();
        try {
            $this->start('refuse:rate_limited');
            $this->fail('It was not refused.');
        } catch (refused $exception) {
            $this->assertSame('error_rate_limited', $exception->errorcode);
            $this->assertStringContainsString('in 2 minutes', $exception->getMessage());
            $this->assertStringNotContainsString('The cause.', $exception->getMessage());
        }
        $this->assertSame(0, $DB->count_records(messages::TABLE));
        $this->assertSame(0, $DB->count_records(conversations::TABLE));
        $this->assertSame('rate_limited', $events->get_events()[0]->other['code']);
    }

    public function test_without_sidecar_it_says_so_and_keeps_the_conversation(): void {
        $answer = $this->ask('Is 7 a prime?');
        finish::execute($answer->id);
        $this->stop_sidecar();
        try {
            $this->start('And 8?', $answer->conversationid);
            $this->fail('It was not refused.');
        } catch (refused $exception) {
            $this->assertSame('error_connection_failed', $exception->errorcode);
        } finally {
            $this->start_sidecar();
        }
        $this->assertCount(2, messages::in($answer->conversationid));
    }

    public function test_second_question_waits_for_the_first_answer(): void {
        $answer = $this->ask('slow');
        $this->expectExceptionMessage('still answering');
        $this->start('And 8?', $answer->conversationid);
    }

    public function test_answer_that_nobody_collected_is_no_hindrance(): void {
        $answer = $this->ask('Is 7 a prime?');

        $this->start('And 8?', $answer->conversationid);

        $this->assertSame('complete', $this->now($answer)->status);
    }

    public function test_regenerate_replaces_the_last_answer(): void {
        $old = $this->ask('Is 7 a prime?');
        finish::execute($old->id);

        $started = $this->start('', replaces: $old->id);

        $this->assertSame('Is 7 a prime?', $started['question']['text']);
        $this->assertFalse($this->now($old));
        $this->assertCount(2, messages::in($old->conversationid));
        $this->assertSame([], $this->asked('chat')[1]['history']);
    }

    public function test_regenerate_keeps_the_old_answer_where_it_is_refused(): void {
        $old = $this->ask('Is 7 a prime?');
        finish::execute($old->id);
        $this->stop_sidecar();
        try {
            $this->start('', replaces: $old->id);
            $this->fail('It was not refused.');
        } catch (refused) {
            $this->assertSame('complete', $this->now($old)->status);
        } finally {
            $this->start_sidecar();
        }
    }

    public function test_only_the_last_answer_is_replaced(): void {
        $old = $this->ask('Is 7 a prime?');
        $this->ask('And 8?', $old->conversationid);
        $this->expectExceptionMessage('Only the latest answer');
        $this->start('', replaces: $old->id);
    }

    /**
     * Gives what is not asked at all.
     *
     * @return array[]
     */
    public static function wrong(): array {
        return [
            'nothing' => [" \n", 'chat', 'Write a question'],
            'too much' => [str_repeat('ä', 21), 'chat', 'too long'],
            'too much to summarize' => [str_repeat('ä', 31), 'summarize', 'too long'],
        ];
    }

    /**
     * Tests it.
     *
     * @dataProvider wrong
     * @param string $content
     * @param string $action
     * @param string $message
     */
    public function test_wrong_content_is_not_asked(string $content, string $action, string $message): void {
        set_config('maxlength', 20, 'local_aisidecar');
        set_config('maxtextlength', 30, 'local_aisidecar');
        try {
            $this->start($content, action: $action);
            $this->fail('It was not refused.');
        } catch (refused $exception) {
            $this->assertStringContainsString($message, $exception->getMessage());
        }
        $this->assertSame([], $this->asked($action));
    }

    public function test_character_that_some_databases_do_not_take_is_left_out(): void {
        $answer = $this->ask("say Seven\0 is one.");
        $this->assertSame('say Seven is one.', messages::question_of($answer)->content);
        $this->assertSame('Seven is one.', finish::execute($answer->id)['text']);
    }

    public function test_key_that_is_none_is_refused(): void {
        $this->expectException(\invalid_parameter_exception::class);
        $this->start('Is 7 a prime?', key: 'a b');
    }

    /**
     * Returns a message as the page of the history shows it.
     *
     * @param array $message
     * @return string
     */
    private function html(array $message): string {
        global $DB;
        $row = $DB->get_record(messages::TABLE, ['id' => $message['id']], '*', MUST_EXIST);
        return message_data::html($row, $this->context);
    }

    /**
     * Calls the web service, as a browser does.
     *
     * @param string $content
     * @param int $conversationid
     * @param string $action
     * @param string|null $key
     * @param int $replaces
     * @return array
     */
    private function start(
        string $content,
        int $conversationid = 0,
        string $action = 'chat',
        ?string $key = null,
        int $replaces = 0,
    ): array {
        $returned = start::execute($this->context->id, $action, $content, $conversationid, $key ?? self::key(), $replaces);
        return external_api::clean_returnvalue(start::execute_returns(), $returned);
    }
}
