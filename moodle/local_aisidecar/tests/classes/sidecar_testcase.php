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

namespace local_aisidecar\tests;

use local_aisidecar\local\asking;
use local_aisidecar\local\messages;
use local_aisidecar\local\place;

/**
 * A test with a sidecar that asks nobody, a course and a student who has accepted the policy.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
abstract class sidecar_testcase extends \advanced_testcase {
    /** @var resource|null The sidecar's process. */
    private $process = null;

    /** @var string Where it writes down what it was asked. */
    private string $log;

    /** @var \stdClass A course. */
    protected \stdClass $course;

    /** @var \context_course Its context. */
    protected \context_course $context;

    /** @var \stdClass A student of it. */
    protected \stdClass $student;

    #[\Override]
    protected function setUp(): void {
        parent::setUp();
        $this->resetAfterTest();
        $this->log = make_request_directory() . '/requests.log';
        $this->course = $this->getDataGenerator()->create_course();
        $this->context = \context_course::instance($this->course->id);
        $this->student = $this->student_of_course();
        set_config('socket', $this->socket(), 'local_aisidecar');
        $this->setUser($this->student);
        $this->start_sidecar();
    }

    #[\Override]
    protected function tearDown(): void {
        $this->stop_sidecar();
        parent::tearDown();
    }

    /**
     * Starts the sidecar. It knows of nothing.
     */
    protected function start_sidecar(): void {
        $command = [PHP_BINARY, __DIR__ . '/../fixtures/fake_sidecar.php', $this->socket(), $this->log];
        $this->process = proc_open($command, [1 => ['pipe', 'w']], $pipes);
        $this->assertSame("listening\n", fgets($pipes[1]));
    }

    /**
     * Ends the sidecar. It forgets everything.
     */
    protected function stop_sidecar(): void {
        if ($this->process !== null) {
            proc_terminate($this->process, 9);
            proc_close($this->process);
            $this->process = null;
            unlink($this->socket());
        }
    }

    /**
     * Returns what the sidecar was asked.
     *
     * @param string $action
     * @return array[]
     */
    protected function asked(string $action): array {
        $lines = is_file($this->log) ? file($this->log, FILE_IGNORE_NEW_LINES) : [];
        $requests = array_map(static fn(string $line): array => json_decode($line, true), $lines);
        return array_values(array_filter($requests, static fn(array $request): bool => $request['action'] === $action));
    }

    /**
     * Makes another student of the course, who has accepted the policy.
     *
     * @return \stdClass
     */
    protected function student_of_course(): \stdClass {
        $user = $this->getDataGenerator()->create_and_enrol($this->course, 'student');
        \core_ai\manager::user_policy_accepted($user->id, \context_system::instance()->id);
        return $user;
    }

    /**
     * Asks something in the course.
     *
     * @param string $content
     * @param int $conversationid
     * @param string $action
     * @return \stdClass The answer's row.
     */
    protected function ask(string $content, int $conversationid = 0, string $action = 'chat'): \stdClass {
        $asking = new asking(place::of($this->context), $action);
        return $asking->ask($content, $conversationid, self::key())[1];
    }

    /**
     * Returns a row as it is now.
     *
     * @param \stdClass $row
     * @return \stdClass|false
     */
    protected function now(\stdClass $row) {
        global $DB;
        return $DB->get_record(messages::TABLE, ['id' => $row->id]);
    }

    /**
     * Lets a row be older.
     *
     * @param \stdClass $row
     * @param int $seconds
     * @return \stdClass The row.
     */
    protected function aged(\stdClass $row, int $seconds): \stdClass {
        global $DB;
        $DB->set_field(messages::TABLE, 'timecreated', time() - $seconds, ['id' => $row->id]);
        return $this->now($row);
    }

    /**
     * Returns a key that nobody has used.
     *
     * @return string
     */
    protected static function key(): string {
        return bin2hex(random_bytes(16));
    }

    /**
     * Returns where the sidecar listens. A socket's path is short.
     *
     * @return string
     */
    private function socket(): string {
        return sys_get_temp_dir() . '/aisidecar-' . getmypid() . '.sock';
    }
}
