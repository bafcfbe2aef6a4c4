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

use core_external\external_api;
use local_aisidecar\external\report_delivery;
use local_aisidecar\local\delivery;
use local_aisidecar\local\relay_slots;
use local_aisidecar\tests\sidecar_testcase;

/**
 * Tests of how answers come to browsers.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers \local_aisidecar\local\delivery
 * @covers \local_aisidecar\local\relay_slots
 * @covers \local_aisidecar\external\report_delivery
 * @covers \local_aisidecar\check\delivery
 */
final class delivery_test extends sidecar_testcase {
    #[\Override]
    protected function setUp(): void {
        parent::setUp();
        $this->setAdminUser();
    }

    /**
     * Gives what a browser has found. What it makes of the gaps, the tests of amd/src/gaps.js say.
     *
     * @return array[]
     */
    public static function found(): array {
        return [
            'all ways work' => [['handover' => 'streams', 'proxy' => 'streams', 'relay' => 'streams'], 'handover'],
            'nginx has no snippet' => [['handover' => 'absent', 'proxy' => 'streams', 'relay' => 'streams'], 'proxy'],
            'only PHP' => [['handover' => 'absent', 'proxy' => 'absent', 'relay' => 'streams'], 'relay'],
            'everything comes at the end' => [['handover' => 'absent', 'proxy' => 'absent', 'relay' => 'held'], 'poll'],
            'broke off with even gaps' => [['handover' => 'failed', 'relay' => 'streams'], 'relay'],
        ];
    }

    /**
     * Tests the choice.
     *
     * @dataProvider found
     * @param array $verdicts
     * @param string $best
     */
    public function test_best_way_that_works_is_chosen(array $verdicts, string $best): void {
        $results = [];
        foreach ($verdicts as $mode => $verdict) {
            $results[] = self::report($mode, $verdict);
        }
        $returned = report_delivery::execute($results);
        $returned = external_api::clean_returnvalue(report_delivery::execute_returns(), $returned);
        $this->assertSame($best, $returned['delivery']);
        $this->assertSame($best, delivery::current());
        $this->assertEqualsWithDelta(time(), delivery::last_test()['time'], 5);
    }

    public function test_choice_stays_where_no_sidecar_could_be_tested(): void {
        set_config('delivery', 'handover', 'local_aisidecar');
        $this->stop_sidecar();
        $results = [self::report('relay', 'streams')];
        $this->assertSame('handover', report_delivery::execute($results)['delivery']);
        $this->assertStringContainsString('not running', report_delivery::execute([])['message']);
        $this->start_sidecar();
        $this->assertSame('relay', report_delivery::execute($results)['delivery']);
    }

    public function test_nobody_else_chooses(): void {
        $this->setUser($this->getDataGenerator()->create_user());
        $this->expectException(\required_capability_exception::class);
        report_delivery::execute([]);
    }

    public function test_browser_may_step_down_and_not_up(): void {
        set_config('delivery', 'relay', 'local_aisidecar');
        $this->assertSame('poll', delivery::within('poll'));
        $this->assertSame('relay', delivery::within('handover'));
        $this->assertSame('relay', delivery::within(''));
    }

    public function test_check_tells_what_was_measured(): void {
        $check = new check\delivery();
        $this->assertSame(\core\check\result::INFO, $check->get_result()->get_status());
        delivery::choose([]);
        $this->assertSame(\core\check\result::WARNING, $check->get_result()->get_status());
        $this->assertStringContainsString('found nothing better', $check->get_result()->get_summary());
        delivery::choose([self::report('handover', 'streams')]);
        $this->assertSame(\core\check\result::OK, $check->get_result()->get_status());
    }

    public function test_check_tells_of_a_way_that_the_test_did_not_find(): void {
        $check = new check\delivery();
        delivery::choose([self::report('handover', 'failed'), self::report('relay', 'streams')]);
        $this->assertStringContainsString('as tested', $check->get_result()->get_summary());
        set_config('delivery', 'handover', 'local_aisidecar');
        $this->assertSame(\core\check\result::WARNING, $check->get_result()->get_status());
        $this->assertStringContainsString('did not find that it works', $check->get_result()->get_summary());
        set_config('delivery', 'poll', 'local_aisidecar');
        $this->assertSame(\core\check\result::WARNING, $check->get_result()->get_status());
        $this->assertStringContainsString('could come word by word', $check->get_result()->get_summary());
    }

    /**
     * Returns what a browser reports of a way.
     *
     * @param string $mode
     * @param string $verdict
     * @return array
     */
    private static function report(string $mode, string $verdict): array {
        return ['mode' => $mode, 'verdict' => $verdict, 'gaps' => $verdict === 'absent' ? [] : [201.0, 199.5, 200.2, 203.1]];
    }

    public function test_relay_takes_no_more_workers_than_the_settings_say(): void {
        set_config('relayslots', 2, 'local_aisidecar');
        $first = relay_slots::take();
        $second = relay_slots::take();
        $this->assertTrue($first !== null && $second !== null);
        $this->assertTrue(relay_slots::take() === null);
        $first->release();
        $third = relay_slots::take();
        $this->assertTrue($third !== null);
        $second->release();
        $third->release();
    }

    public function test_no_places_means_no_relay(): void {
        set_config('relayslots', 0, 'local_aisidecar');
        $this->assertNull(relay_slots::take());
    }
}
