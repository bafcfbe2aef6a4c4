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
 * What failed lately, and why: for the administrator, who finds it in the report on the site's status. Users are told other words.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class failures {
    /** @var int */
    private const KEPT = 5;

    /** @var string[] What is nobody's fault. */
    private const NORMAL = ['interrupted', 'stopped', 'rate_limited', 'busy'];

    /**
     * Notes that something failed.
     *
     * @param string $code
     * @param string $cause
     */
    public static function note(string $code, string $cause): void {
        if (in_array($code, self::NORMAL, true)) {
            return;
        }
        // Two at the same time may lose one of them: that does no harm.
        $latest = [['time' => time(), 'code' => $code, 'cause' => $cause], ...self::latest()];
        \cache::make('local_aisidecar', 'failures')->set('latest', array_slice($latest, 0, self::KEPT));
    }

    /**
     * Returns what failed, the latest first.
     *
     * @return array{time: int, code: string, cause: string}[]
     */
    public static function latest(): array {
        return \cache::make('local_aisidecar', 'failures')->get('latest') ?: [];
    }
}
