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

namespace local_aisidecar\local;

/**
 * Where somebody asks: an activity, a course, or a page outside of courses.
 *
 * Conversations belong to the course, not to the activity, so that they follow a student from page to page.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class place {
    /**
     * Names a place.
     *
     * @param \context $context Of the activity, the course or the system: where permissions are looked up.
     * @param \context $home Of the course or the system: where conversations belong.
     * @param int $courseid The site's course for what is outside of courses.
     * @param int|null $cmid The activity.
     */
    private function __construct(
        /** @var \context Where permissions are looked up. */
        public readonly \context $context,
        /** @var \context Where conversations belong. */
        public readonly \context $home,
        /** @var int The course. */
        public readonly int $courseid,
        /** @var int|null The activity. */
        public readonly ?int $cmid,
    ) {
    }

    /**
     * Returns the place that a context is in.
     *
     * @param \context $context Any.
     * @return self
     */
    public static function of(\context $context): self {
        $course = $context->get_course_context(false);
        if (!$course || (int) $course->instanceid === (int) SITEID) {
            $system = \context_system::instance();
            return new self($system, $system, SITEID, null);
        }
        while ($context->contextlevel > CONTEXT_MODULE) {
            $context = $context->get_parent_context();
        }
        if ($context->contextlevel == CONTEXT_MODULE) {
            return new self($context, $course, (int) $course->instanceid, (int) $context->instanceid);
        }
        return new self($course, $course, (int) $course->instanceid, null);
    }

    /**
     * Returns whether it is outside of all courses.
     *
     * @return bool
     */
    public function is_site(): bool {
        return $this->courseid === (int) SITEID;
    }
}
