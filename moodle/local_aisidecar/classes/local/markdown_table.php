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
 * Makes HTML of a table in Markdown.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class markdown_table {
    /** @var string The line below a table's head. */
    private const DELIMITER = '/^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/';

    /**
     * Returns whether a table begins at a line.
     *
     * @param string[] $lines
     * @param int $at
     * @return bool
     */
    public static function begins(array $lines, int $at): bool {
        $below = $lines[$at + 1] ?? '';
        return str_contains($lines[$at] ?? '', '|') && str_contains($below, '-') && preg_match(self::DELIMITER, $below);
    }

    /**
     * Makes HTML.
     *
     * @param string[] $lines
     * @param int $at Where it begins, and then where it has ended.
     * @return string
     */
    public static function to_html(array $lines, int &$at): string {
        $html = '<thead>' . self::row($lines[$at], 'th') . "</thead>\n<tbody>\n";
        for ($at += 2; str_contains($lines[$at] ?? '', '|'); $at++) {
            $html .= self::row($lines[$at], 'td') . "\n";
        }
        return "<div class=\"table-responsive\"><table class=\"table table-sm\">$html</tbody></table></div>\n";
    }

    /**
     * Makes HTML of a row.
     *
     * @param string $line
     * @param string $tag
     * @return string
     */
    private static function row(string $line, string $tag): string {
        $line = preg_replace('/^\s*\||(?<!\\\\)\|\s*$/', '', $line);
        $cells = array_map(
            static fn(string $cell): string => "<$tag>" . inline::to_html(trim($cell)) . "</$tag>",
            preg_split('/(?<!\\\\)\|/', $line),
        );
        return '<tr>' . implode('', $cells) . '</tr>';
    }
}
