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
 * What teachers have set for a course.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class course_settings {
    /** @var int As many characters as the sidecar takes. */
    public const MAX_PERSONA = 4000;

    /** @var string */
    private const TABLE = 'local_aisidecar_course';

    /**
     * Holds the settings.
     *
     * @param bool $enabled
     * @param string $persona
     */
    public function __construct(
        /** @var bool Whether the assistant is offered. */
        public readonly bool $enabled,
        /** @var string How it shall behave; empty: as the site says. */
        public readonly string $persona,
    ) {
    }

    /**
     * Returns the settings of a course.
     *
     * @param int $courseid
     * @return self
     */
    public static function of(int $courseid): self {
        global $DB;
        $cache = \cache::make('local_aisidecar', 'course');
        $kept = $cache->get($courseid);
        if (!is_array($kept)) {
            $row = $DB->get_record(self::TABLE, ['courseid' => $courseid], 'enabled, persona');
            $kept = $row ? ['enabled' => (bool) $row->enabled, 'persona' => (string) $row->persona] : ['enabled' => null];
            $cache->set($courseid, $kept);
        }
        return new self(
            $kept['enabled'] ?? (bool) (get_config('local_aisidecar', 'coursedefault') ?? 1),
            $kept['persona'] ?? '',
        );
    }

    /**
     * Returns what the model is told to be.
     *
     * @return string|null
     */
    public function instructions(): ?string {
        $text = trim($this->persona) !== '' ? $this->persona : (string) get_config('local_aisidecar', 'persona');
        $text = trim($text);
        return $text === '' ? null : \core_text::substr($text, 0, self::MAX_PERSONA);
    }

    /**
     * Keeps these as the settings of a course.
     *
     * @param int $courseid
     */
    public function save(int $courseid): void {
        global $DB, $USER;
        $row = (object) [
            'courseid' => $courseid,
            'enabled' => (int) $this->enabled,
            'persona' => \core_text::substr($this->persona, 0, self::MAX_PERSONA),
            'usermodified' => $USER->id,
            'timemodified' => time(),
        ];
        $row->id = $DB->get_field(self::TABLE, 'id', ['courseid' => $courseid]);
        if ($row->id) {
            $DB->update_record(self::TABLE, $row);
        } else {
            unset($row->id);
            $DB->insert_record(self::TABLE, $row);
        }
        \cache::make('local_aisidecar', 'course')->delete($courseid);
        \local_aisidecar\event\course_settings_updated::create([
            'context' => \context_course::instance($courseid),
            'other' => ['enabled' => $this->enabled],
        ])->trigger();
    }

    /**
     * Forgets the settings of a course.
     *
     * @param int $courseid
     */
    public static function delete(int $courseid): void {
        global $DB;
        $DB->delete_records(self::TABLE, ['courseid' => $courseid]);
        \cache::make('local_aisidecar', 'course')->delete($courseid);
    }
}
