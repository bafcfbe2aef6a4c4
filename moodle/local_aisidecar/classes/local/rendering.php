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
 * Makes HTML of what people and models have written.
 *
 * What a model writes is trusted by nobody: it becomes text, in Markdown, and HTML in it is text as well. No image is loaded and
 * no address outside of this site can be clicked, since an address can carry away what the model was shown.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class rendering {
    /** @var string[] Filters that only set how something looks. Others make links, or load what an address names. */
    private const FILTERS = ['mathjaxloader', 'tex', 'algebra'];

    /** @var int Bytes. What is longer is shown as it is: to clean it would take seconds. */
    private const MAX_BYTES = 64_000;

    /**
     * Returns what a person wrote, as it was written.
     *
     * @param string $text
     * @param \context $context
     * @return string HTML
     */
    public static function plain(string $text, \context $context): string {
        return format_text($text, FORMAT_PLAIN, ['context' => $context, 'filter' => false, 'noclean' => false]);
    }

    /**
     * Returns a text as one line, or its beginning.
     *
     * @param string $text
     * @param int $max Characters, the sign for what is left out among them.
     * @return string
     */
    public static function line(string $text, int $max): string {
        $line = trim(preg_replace('/\s+/u', ' ', fix_utf8($text)));
        return \core_text::strlen($line) > $max ? \core_text::substr($line, 0, $max - 1) . '…' : $line;
    }

    /**
     * Returns what a model wrote.
     *
     * @param string $text Markdown.
     * @param \context $context
     * @return string HTML
     */
    public static function answer(string $text, \context $context): string {
        // Signs that nobody sees turn what follows around, or hide words.
        $text = preg_replace('/[\x{202A}-\x{202E}\x{2066}-\x{2069}\x{E0000}-\x{E007F}]/u', '', fix_utf8($text));
        if (strlen($text) > self::MAX_BYTES) {
            return self::plain($text, $context);
        }
        $options = ['context' => $context, 'filter' => false, 'noclean' => false, 'para' => false];
        $html = format_text(markdown::to_html($text), FORMAT_HTML, $options);
        $skipped = array_diff(array_keys(filter_get_active_in_context($context)), self::FILTERS);
        return \core_filters\filter_manager::instance()->filter_text($html, $context, [], $skipped);
    }
}
