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
 * What may be asked.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class limits {
    /** @var string What a browser's key may look like; the sidecar takes no others either. */
    private const KEY = '/\A[A-Za-z0-9._:-]{8,64}\z/';

    /**
     * Makes sure that the key is one.
     *
     * @param string $key
     */
    public static function check_key(string $key): void {
        if (!preg_match(self::KEY, $key)) {
            throw new \invalid_parameter_exception('key: 8 to 64 letters, digits and any of . _ : -');
        }
    }

    /**
     * Makes sure that there is something to read, and not too much of it.
     *
     * @param string $action
     * @param string $content
     * @throws refused
     */
    public static function check_content(string $action, string $content): void {
        if (trim($content) === '') {
            throw new refused('empty');
        }
        if (\core_text::strlen($content) > self::max_length($action)) {
            throw new refused('too_long', limit: self::max_length($action));
        }
    }

    /**
     * Returns how many characters may be asked about.
     *
     * @param string $action
     * @return int
     */
    public static function max_length(string $action): int {
        $config = get_config('local_aisidecar');
        return (int) ($action === 'chat' ? $config->maxlength ?? 10_000 : $config->maxtextlength ?? 200_000);
    }
}
