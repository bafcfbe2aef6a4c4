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

use local_aisidecar\local\delivery;
use local_aisidecar\local\sidecar;
use local_aisidecar\local\words;

/**
 * Tests of what students are told.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers \local_aisidecar\local\words
 * @covers \local_aisidecar\local\refused
 */
final class words_test extends \basic_testcase {
    public function test_every_code_of_the_protocol_has_words(): void {
        // Its file brings the client's classes.
        class_exists(sidecar::class);
        $codes = [];
        foreach (glob(__DIR__ . '/../client/src/Error/*.php') as $file) {
            $class = 'OpenaiMoodleSidecar\\Error\\' . basename($file, '.php');
            if (is_subclass_of($class, \OpenaiMoodleSidecar\Error\SidecarError::class)) {
                $codes[] = $class::CODE;
            }
        }
        $this->assertGreaterThan(25, count($codes));
        foreach ([...$codes, 'connection_failed', 'connection_lost', 'deadline_exceeded', 'protocol_violation'] as $code) {
            $this->assertSame("error_$code", words::identifier($code));
        }
    }

    public function test_code_of_a_later_version_has_words_too(): void {
        $this->assertSame('error_internal', words::identifier('a_code_of_tomorrow'));
    }

    /**
     * Gives times.
     *
     * @return array[]
     */
    public static function times(): array {
        return [
            [null, 'in a few minutes'],
            [0.4, 'in a few seconds'],
            [30, 'in 30 seconds'],
            [90, 'in 2 minutes'],
            [3599, 'in 60 minutes'],
        ];
    }

    /**
     * Tests them.
     *
     * @dataProvider times
     * @param float|null $seconds
     * @param string $words
     */
    public function test_when_to_come_back(?float $seconds, string $words): void {
        $this->assertSame($words, words::when($seconds));
    }

    public function test_hours_are_given_as_a_time(): void {
        $this->assertStringStartsWith('at ', words::when(2 * HOURSECS));
        $this->assertStringContainsString(userdate(time() + 20 * HOURSECS, '%d/%m'), words::when(20 * HOURSECS));
    }

    public function test_same_may_be_tried_again_where_its_words_say_so(): void {
        foreach (words::WORTH_A_RETRY as $code) {
            $this->assertSame("error_$code", words::identifier($code));
        }
        $canretry = static fn(string $code): bool => words::notice((object) [
            'errorcode' => $code, 'finishreason' => null, 'retryafter' => null,
        ])['canretry'];
        foreach (['upstream_error', 'rate_limited', 'stopped', 'a_code_of_tomorrow'] as $code) {
            $this->assertTrue($canretry($code), $code);
        }
        foreach (['too_large', 'filtered', 'upstream_auth', 'upstream_tls', 'upstream_bad_request', 'unsupported'] as $code) {
            $this->assertFalse($canretry($code), $code);
        }
    }

    public function test_every_delivery_has_words(): void {
        foreach (delivery::ALL as $way) {
            $this->assertTrue(get_string_manager()->string_exists("delivery_chosen_$way", 'local_aisidecar'));
        }
    }
}
