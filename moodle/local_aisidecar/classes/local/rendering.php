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

    /** @var string Code first, since what stands in it is no formula: fenced, then within a line. Then formulas. */
    private const PATTERN = '/
        (?<code>
            ^[ ]{0,3} (?<fence>\x60{3,}|~{3,}) [^\n]*\n .*? (?: ^[ ]{0,3}\g{fence}[\x60~]*[ \t]*$ | \z )
            | (?<!\x60)(?<ticks>\x60+)(?!\x60) .+? (?<!\x60)\g{ticks}(?!\x60)
        )
        | (?<math> \\\\\[.+?\\\\\] | \\\\\(.+?\\\\\) | \$\$.+?\$\$ )
        | (?<![\\\\\$\w])\$(?<dollars>(?![\s\$])[^\n\$]+?(?<![\s\\\\]))\$(?![\w\$])
    /msxu';

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
     * Returns what a model wrote.
     *
     * @param string $text Markdown.
     * @param \context $context
     * @return string HTML
     */
    public static function answer(string $text, \context $context): string {
        if (trim($text) === '') {
            return '';
        }
        // What must come through Markdown and cleaning unchanged stands aside, behind words that nobody can guess.
        $mark = 'x' . random_string(12);
        $aside = [];
        $text = self::set_formulas_aside(fix_utf8($text), $mark, $aside);
        $text = str_replace('<', "{$mark}lt{$mark}", $text);
        $options = ['context' => $context, 'filter' => false, 'noclean' => false, 'para' => false];
        $html = format_text($text, FORMAT_MARKDOWN, $options);
        $html = self::disarm($html);
        $html = strtr($html, $aside + ["{$mark}lt{$mark}" => '&lt;']);
        return self::filter($html, $context);
    }

    /**
     * Replaces formulas by words.
     *
     * @param string $text
     * @param string $mark
     * @param string[] $aside Gets each formula, as HTML, by its word.
     * @return string
     */
    private static function set_formulas_aside(string $text, string $mark, array &$aside): string {
        $replaced = preg_replace_callback(self::PATTERN, static function (array $match) use ($mark, &$aside): string {
            if (($match['code'] ?? '') !== '') {
                return $match[0];
            }
            // Moodle's filters do not take single dollars for a formula.
            $formula = ($match['dollars'] ?? '') !== '' ? '\\(' . $match['dollars'] . '\\)' : $match['math'];
            $word = "{$mark}m" . count($aside) . "m{$mark}";
            $aside[$word] = s($formula);
            return $word;
        }, $text);
        // Too much for the pattern: then it is shown without formulas.
        return $replaced ?? $text;
    }

    /**
     * Takes out what loads something or leads away: of images stays what they show, of links what they say and where to.
     *
     * @param string $html Clean.
     * @return string
     */
    private static function disarm(string $html): string {
        global $CFG;
        $document = new \DOMDocument();
        $isloaded = @$document->loadHTML(
            '<?xml encoding="UTF-8"><html><body><div>' . $html . '</div></body></html>',
            LIBXML_NONET | LIBXML_NOERROR | LIBXML_NOWARNING,
        );
        $root = $isloaded ? $document->getElementsByTagName('div')->item(0) : null;
        if ($root === null) {
            return s(html_to_text($html));
        }
        $xpath = new \DOMXPath($document);
        $loads = '//img|//picture|//video|//audio|//source|//track|//object|//embed|//iframe';
        foreach (iterator_to_array($xpath->query($loads)) as $node) {
            $node->parentNode?->replaceChild($document->createTextNode($node->getAttribute('alt')), $node);
        }
        foreach (iterator_to_array($xpath->query('//a')) as $link) {
            $address = $link->getAttribute('href');
            if (str_starts_with($address, $CFG->wwwroot . '/')) {
                continue;
            }
            $isshown = $address === '' || trim($link->textContent) === $address;
            $link->parentNode->insertBefore($document->createTextNode($isshown ? '' : " ($address)"), $link->nextSibling);
            while ($link->firstChild) {
                $link->parentNode->insertBefore($link->firstChild, $link);
            }
            $link->parentNode->removeChild($link);
        }
        foreach (iterator_to_array($xpath->query('//@style|//@background|//@srcset|//@id')) as $attribute) {
            $attribute->ownerElement->removeAttribute($attribute->nodeName);
        }
        $parts = array_map(static fn(\DOMNode $node): string => $document->saveHTML($node), iterator_to_array($root->childNodes));
        return implode('', $parts);
    }

    /**
     * Lets formulas be set, by the filters that this site uses for it.
     *
     * @param string $html
     * @param \context $context
     * @return string
     */
    private static function filter(string $html, \context $context): string {
        $skipped = array_diff(array_keys(filter_get_active_in_context($context)), self::FILTERS);
        return \core_filters\filter_manager::instance()->filter_text($html, $context, [], $skipped);
    }
}
