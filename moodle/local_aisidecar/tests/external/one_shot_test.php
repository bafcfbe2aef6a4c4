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
use local_aisidecar\local\messages;
use local_aisidecar\local\refused;
use local_aisidecar\local\sidecar;
use local_aisidecar\tests\sidecar_testcase;

/**
 * Tests of asking where no sidecar is running, and PHP starts one for a question.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers \local_aisidecar\local\asking
 * @covers \local_aisidecar\local\collecting
 */
final class one_shot_test extends sidecar_testcase {
    #[\Override]
    protected function setUp(): void {
        parent::setUp();
        $this->stop_sidecar();
    }

    public function test_child_of_php_answers_at_once_where_no_sidecar_runs(): void {
        global $CFG;
        $CFG->forced_plugin_settings['local_aisidecar'] = ['command' => [
            PHP_BINARY, __DIR__ . '/../fixtures/fake_child.php',
        ]];
        $started = $this->start('Is 7 a prime?');
        $this->assertSame('complete', $started['answer']['status']);
        $this->assertSame('The child has read: Is 7 a prime?', $started['answer']['text']);
    }

    public function test_child_that_does_not_start_leaves_nothing_behind(): void {
        global $CFG, $DB;
        $CFG->forced_plugin_settings['local_aisidecar'] = ['command' => ['/nonexistent/openai-moodle-sidecar', 'stdio']];
        try {
            $this->start('Is 7 a prime?');
            $this->fail('It was not refused.');
        } catch (refused $exception) {
            $this->assertSame('connection_failed', $exception->reason);
        }
        $this->assertSame(0, $DB->count_records(messages::TABLE));
    }

    public function test_children_of_php_take_no_more_workers_than_the_relay(): void {
        global $CFG, $DB;
        set_config('relayslots', 0, 'local_aisidecar');
        $CFG->forced_plugin_settings['local_aisidecar'] = ['command' => [PHP_BINARY, __DIR__ . '/../fixtures/fake_child.php']];
        try {
            $this->start('Is 7 a prime?');
            $this->fail('It was not refused.');
        } catch (refused $exception) {
            $this->assertSame('overloaded', $exception->reason);
        }
        $this->assertSame(0, $DB->count_records(messages::TABLE));
    }

    public function test_command_of_the_database_is_never_run(): void {
        set_config('command', PHP_BINARY, 'local_aisidecar');
        $this->assertFalse(sidecar::has_command());
    }

    /**
     * Calls the web service, as a browser does.
     *
     * @param string $content
     * @return array
     */
    private function start(string $content): array {
        $returned = start::execute($this->context->id, 'chat', $content, 0, self::key(), 0);
        return external_api::clean_returnvalue(start::execute_returns(), $returned);
    }
}
