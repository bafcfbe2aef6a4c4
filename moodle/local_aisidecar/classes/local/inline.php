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
 * Makes HTML of what Markdown has within a line. Everything is escaped; tags come from here alone.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class inline {
    /** @var int What is nested deeper stays text. */
    private const MAX_DEPTH = 4;

    /** @var string In this order. Bounded, so that a sign without its partner costs little. */
    private const PATTERN = '~
          (?<ticks>\x60+)(?!\x60)(?<code>.{1,2000}?)(?<!\x60)\g{ticks}(?!\x60)
        | (?<formula> \\\\\[.{1,2000}?\\\\\] | \\\\\(.{1,2000}?\\\\\) | \$\$.{1,2000}?\$\$ )
        | (?<![\\\\\$\w])\$(?<dollars>(?![\s\$])[^\n\$]{1,1000}?(?<![\s\\\\]))\$(?![\w\$])
        | \\\\(?<escaped>[\\\\\x60*_{}\[\]()\#+.!|>\~-])
        | !\[(?<alt>[^\]\n]{0,1000})\]\([^)\n]{0,2000}\)
        | \[(?<link>[^\]\n]{1,1000})\]\(\s*<?(?<address>[^)\s>]{0,2000})>?(?:\s+[^)\n]{0,500})?\)
        | (?<bold>\*\*|__)(?=[*_]?[^\s*_])(?<strong>.{1,1000}?)(?<=\S)\g{bold}(?!\*)
        | (?<![A-Za-z0-9*])\*(?=[^\s*])(?<emphasis>[^*]{1,1000}?)(?<=\S)\*(?![A-Za-z0-9*])
        | (?<!\w)_(?=[^\s_])(?<underlined>[^_]{1,1000}?)(?<=\S)_(?!\w)
        | \~\~(?=\S)(?<deleted>[^\~]{1,1000}?)(?<=\S)\~\~
        | (?<break> <br\s*/?> | [ ]*\\\\?\n )
    ~isxu';

    /** @var string What in a formula leads away, or changes the other formulas of the page. */
    private const DANGEROUS = '/\\\\(?:href|url|unicode|require|class|cssId|style|data|html\w*|bbox|(?:re|provide)?newcommand'
        . '|(?:re)?newenvironment|[gex]?def|let|input|include\w*|mmlToken|Declare\w*)(?![a-z])/i';

    /**
     * Makes HTML.
     *
     * @param string $text
     * @param int $depth
     * @return string
     */
    public static function to_html(string $text, int $depth = 0): string {
        if ($depth > self::MAX_DEPTH) {
            return self::escape($text);
        }
        $html = '';
        $done = 0;
        while (@preg_match(self::PATTERN, $text, $match, PREG_OFFSET_CAPTURE | PREG_UNMATCHED_AS_NULL, $done) === 1) {
            [$whole, $at] = $match[0];
            $html .= self::escape(substr($text, $done, $at - $done));
            $html .= self::part(array_map(static fn(array $group): ?string => $group[0], $match), $depth);
            $done = $at + strlen($whole);
        }
        return $html . self::escape(substr($text, $done));
    }

    /**
     * Makes HTML of a formula, for the filter that sets it.
     *
     * @param string $begin
     * @param string $formula
     * @param string $end
     * @return string
     */
    public static function formula(string $begin, string $formula, string $end): string {
        return preg_match(self::DANGEROUS, $formula)
            ? '<code>' . self::escape_code($formula) . '</code>'
            : self::escape_code($begin . $formula . $end);
    }

    /**
     * Returns text, as it is.
     *
     * @param string $text
     * @return string HTML
     */
    public static function escape_code(string $text): string {
        return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE | ENT_HTML5, 'UTF-8');
    }

    /**
     * Returns text in which models write entities, such as &nbsp;.
     *
     * @param string $text
     * @return string HTML
     */
    private static function escape(string $text): string {
        return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE | ENT_HTML5, 'UTF-8', false);
    }

    /**
     * Makes HTML of one match.
     *
     * @param (string|null)[] $match
     * @param int $depth
     * @return string
     */
    private static function part(array $match, int $depth): string {
        $nested = static fn(string $tag, string $text): string => "<$tag>" . self::to_html($text, $depth + 1) . "</$tag>";
        return match (true) {
            isset($match['code']) => '<code>' . self::escape_code(trim($match['code'])) . '</code>',
            isset($match['formula']) => self::formula(
                substr($match['formula'], 0, 2),
                substr($match['formula'], 2, -2),
                substr($match['formula'], -2),
            ),
            // Moodle's filters do not take single dollars for a formula.
            isset($match['dollars']) => self::formula('\\(', $match['dollars'], '\\)'),
            isset($match['escaped']) => self::escape_code($match['escaped']),
            isset($match['alt']) => self::escape($match['alt']),
            isset($match['link']) => self::link($match['link'], (string) $match['address'], $depth),
            isset($match['strong']) => $nested('strong', $match['strong']),
            isset($match['emphasis']) => $nested('em', $match['emphasis']),
            isset($match['underlined']) => $nested('em', $match['underlined']),
            isset($match['deleted']) => $nested('del', $match['deleted']),
            default => "<br>\n",
        };
    }

    /**
     * Makes HTML of a link. Only within this site can it be clicked: an address can carry away what the model was shown.
     *
     * @param string $text
     * @param string $address
     * @param int $depth
     * @return string
     */
    private static function link(string $text, string $address, int $depth): string {
        global $CFG;
        $html = self::to_html($text, $depth + 1);
        if (str_starts_with($address, $CFG->wwwroot . '/')) {
            return '<a href="' . self::escape_code($address) . "\">$html</a>";
        }
        $says = $address === '' || str_starts_with($address, '#') || trim($text) === $address ? '' : " ($address)";
        return $html . self::escape($says);
    }
}
