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

use local_aisidecar\local\access;
use local_aisidecar\local\course_settings;
use local_aisidecar\local\place;
use local_aisidecar\local\refused;

/**
 * Tests of who may ask, and where.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers \local_aisidecar\local\access
 * @covers \local_aisidecar\local\place
 * @covers \local_aisidecar\local\course_settings
 */
final class access_test extends \advanced_testcase {
    /** @var \stdClass */
    private \stdClass $course;

    /** @var \stdClass */
    private \stdClass $student;

    #[\Override]
    protected function setUp(): void {
        parent::setUp();
        $this->resetAfterTest();
        $this->course = $this->getDataGenerator()->create_course();
        $this->student = $this->getDataGenerator()->create_and_enrol($this->course, 'student');
        \core_ai\manager::user_policy_accepted($this->student->id, \context_system::instance()->id);
        $this->setUser($this->student);
    }

    public function test_student_may_ask_in_the_course_and_its_activities(): void {
        $this->assertNull($this->reason($this->in_course()));
        $this->assertNull($this->reason($this->in_module('page')));
        $this->assertSame(access::ACTIONS, access::actions(place::of($this->in_course())));
    }

    public function test_conversations_belong_to_the_course_of_the_activity(): void {
        $place = place::of($this->in_module('page'));
        $this->assertEquals($this->in_course()->id, $place->home->id);
        $this->assertEquals($this->course->id, $place->courseid);
    }

    public function test_block_of_an_activity_is_the_activity(): void {
        $module = $this->in_module('page');
        $block = $this->getDataGenerator()->create_block('html', ['parentcontextid' => $module->id]);
        $this->assertEquals($module->id, place::of(\context_block::instance($block->id))->context->id);
    }

    public function test_switches_of_site_and_course_are_looked_at(): void {
        (new course_settings(false, ''))->save($this->course->id);
        $this->assertSame('coursedisabled', $this->reason($this->in_course()));
        $this->assertSame([], access::actions(place::of($this->in_course())));

        (new course_settings(true, ''))->save($this->course->id);
        $this->assertNull($this->reason($this->in_course()));

        set_config('enabled', 0, 'local_aisidecar');
        $this->assertSame('disabled', $this->reason($this->in_course()));
    }

    public function test_course_without_settings_has_the_default(): void {
        set_config('coursedefault', 0, 'local_aisidecar');
        $this->assertSame('coursedisabled', $this->reason($this->in_course()));
    }

    public function test_excluded_activities_are_left_out(): void {
        $this->assertSame('activitydisabled', $this->reason($this->in_module('quiz')));
        set_config('excludedmodules', 'page,forum', 'local_aisidecar');
        $this->assertNull($this->reason($this->in_module('quiz')));
        $this->assertSame('activitydisabled', $this->reason($this->in_module('page')));
    }

    public function test_permission_can_be_taken_in_one_activity(): void {
        global $DB;
        $module = $this->in_module('page');
        $role = $DB->get_field('role', 'id', ['shortname' => 'student']);
        assign_capability('local/aisidecar:use', CAP_PROHIBIT, $role, $module->id);
        $this->assertSame('nopermission', $this->reason($module));
        $this->assertNull($this->reason($this->in_course()));
    }

    public function test_who_is_not_in_the_course_may_not_ask(): void {
        $this->setUser($this->getDataGenerator()->create_user());
        $this->assertSame('nopermission', $this->reason($this->in_course()));
        $this->setGuestUser();
        $this->assertSame('guest', $this->reason($this->in_course()));
    }

    public function test_conversations_are_for_nobody_who_is_logged_in_as_another(): void {
        $this->setAdminUser();
        \core\session\manager::loginas($this->student->id, $this->in_course());
        $this->assertSame('loggedinas', $this->reason($this->in_course()));
        $this->assertSame([], access::actions(place::of($this->in_course())));
        $this->expectExceptionMessage('private');
        local\conversations::page(0);
    }

    public function test_pages_outside_of_courses_are_for_everybody_where_the_site_wants_it(): void {
        $user = \context_user::instance($this->student->id);
        $this->assertSame('disabled', $this->reason($user));
        set_config('sitepages', 1, 'local_aisidecar');
        $this->assertNull($this->reason($user));
        $this->assertNull($this->reason(\context_course::instance(SITEID)));
        $this->assertTrue(place::of($user)->is_site());
    }

    public function test_policy_is_asked_for_on_the_server(): void {
        global $DB;
        $DB->delete_records('ai_policy_register', ['userid' => $this->student->id]);
        \cache::make('core', 'ai_policy')->purge();
        $this->assertSame('policynotaccepted', $this->reason($this->in_course()));
        $this->assertFalse(access::policy_accepted());
        $this->assertSame(access::ACTIONS, access::actions(place::of($this->in_course())));
    }

    public function test_switches_of_core_are_looked_at_where_it_has_them(): void {
        global $DB;
        $columns = $DB->get_columns('course');
        if (!isset($columns['enableaitools'])) {
            // Before Moodle 5.1 there is nothing that could be off.
            $this->assertNull($this->reason($this->in_course()));
            return;
        }
        $module = $this->in_module('page');
        $cm = ['id' => $module->instanceid];
        $DB->set_field('course_modules', 'enableaitools', 0, $cm);
        $this->assertSame('activitydisabled', $this->reason($module));
        $DB->set_field('course_modules', 'enableaitools', 1, $cm);
        $DB->set_field('course_modules', 'enabledaiactions', '{"summarise_text":0,"generate_text":1}', $cm);
        $this->assertSame('activitydisabled', $this->reason($module, 'summarize'));
        $this->assertNull($this->reason($module, 'chat'));
        // Of an action that core's own tools do not have, nobody was asked.
        $this->assertNull($this->reason($module, 'analyze'));
        $DB->set_field('course', 'enableaitools', 0, ['id' => $this->course->id]);
        $this->assertSame('coursedisabled', $this->reason($module, 'chat'));
        $this->assertSame('coursedisabled', $this->reason($this->in_course()));
    }

    /**
     * Returns why not.
     *
     * @param \context $context
     * @param string $action
     * @return string|null
     */
    private function reason(\context $context, string $action = 'chat'): ?string {
        try {
            access::require(place::of($context), $action);
        } catch (refused $exception) {
            return $exception->reason;
        }
        return null;
    }

    /**
     * Returns the course's context.
     *
     * @return \context
     */
    private function in_course(): \context {
        return \context_course::instance($this->course->id);
    }

    /**
     * Returns the context of a new activity.
     *
     * @param string $name
     * @return \context
     */
    private function in_module(string $name): \context {
        $module = $this->getDataGenerator()->create_module($name, ['course' => $this->course->id]);
        return \context_module::instance($module->cmid);
    }
}
