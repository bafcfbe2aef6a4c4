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
 * Makes HTML of the Markdown that models write. Whatever else stands in the text stays text.
 *
 * PHP's own Markdown is not used: it takes HTML, classes and addresses for what they are, minutes for a thousand signs of
 * quotation, and a list for a list only where an empty line stands before it, which most models leave out.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class markdown {
    /** @var int What is nested deeper stays text. */
    private const MAX_DEPTH = 8;

    /** @var int A drawer has headings of its own, up to the third level. */
    private const HEADING_SHIFT = 3;

    /** @var string */
    private const FENCE = '/^\s*(\x60{3,}|~{3,})[^\x60]*$/';
    /** @var string */
    private const HEADING = '/^\s{0,3}(#{1,6})\s+(.+?)(\s+#+)?\s*$/';
    /** @var string */
    private const RULE = '/^\s{0,3}([-*_])(\s*\1){2,}\s*$/';
    /** @var string */
    private const QUOTE = '/^\s{0,3}>\s?/';
    /** @var string */
    private const ITEM = '/^(\s*)([-*+]|\d{1,9}[.)])\s+(?=\S)/';
    /** @var string[] How a formula begins that has lines of its own, and how it ends. */
    private const FORMULAS = ['\\[' => '\\]', '$$' => '$$'];

    /** @var string[] */
    private array $lines;

    /** @var int The line that is next. */
    private int $next = 0;

    /**
     * Takes lines.
     *
     * @param string[] $lines
     * @param int $depth
     */
    private function __construct(
        array $lines,
        /** @var int How deep they are nested. */
        private readonly int $depth,
    ) {
        $this->lines = array_values($lines);
    }

    /**
     * Makes HTML.
     *
     * @param string $text
     * @return string
     */
    public static function to_html(string $text): string {
        $lines = explode("\n", str_replace(["\r\n", "\r", "\t"], ["\n", "\n", '    '], $text));
        return (new self($lines, 0))->blocks();
    }

    /**
     * Makes HTML of all the lines.
     *
     * @return string
     */
    private function blocks(): string {
        $html = '';
        while ($this->next < count($this->lines)) {
            $html .= $this->block($this->lines[$this->next]);
        }
        return $html;
    }

    /**
     * Makes HTML of the block that begins with the next line.
     *
     * @param string $line
     * @return string
     */
    private function block(string $line): string {
        if (trim($line) === '') {
            $this->next++;
            return '';
        }
        if (preg_match(self::FENCE, $line, $match)) {
            return $this->code($match[1]);
        }
        if (preg_match(self::HEADING, $line, $match)) {
            $this->next++;
            $tag = 'h' . min(6, strlen($match[1]) + self::HEADING_SHIFT);
            return "<$tag>" . inline::to_html($match[2]) . "</$tag>\n";
        }
        if (preg_match(self::RULE, $line)) {
            $this->next++;
            return "<hr>\n";
        }
        $isdeep = $this->depth >= self::MAX_DEPTH;
        if (!$isdeep && preg_match(self::QUOTE, $line)) {
            return $this->quote();
        }
        if (!$isdeep && preg_match(self::ITEM, $line, $match)) {
            return $this->items($match);
        }
        $formula = $this->formula($line);
        if ($formula !== null) {
            return $formula;
        }
        return markdown_table::begins($this->lines, $this->next)
            ? markdown_table::to_html($this->lines, $this->next)
            : $this->paragraph();
    }

    /**
     * Makes HTML of code. The fence may be missing at its end, where an answer was cut off.
     *
     * @param string $fence
     * @return string
     */
    private function code(string $fence): string {
        $indent = strspn($this->lines[$this->next], ' ');
        $end = '/^\s*' . preg_quote($fence[0], '/') . '{' . strlen($fence) . ',}\s*$/';
        $code = [];
        while (++$this->next < count($this->lines) && !preg_match($end, $this->lines[$this->next])) {
            $line = $this->lines[$this->next];
            $code[] = substr($line, min($indent, strspn($line, ' ')));
        }
        $this->next++;
        return '<pre><code>' . inline::escape_code(implode("\n", $code)) . "</code></pre>\n";
    }

    /**
     * Makes HTML of what is quoted.
     *
     * @return string
     */
    private function quote(): string {
        $lines = [];
        while ($this->next < count($this->lines) && preg_match(self::QUOTE, $this->lines[$this->next])) {
            $lines[] = preg_replace(self::QUOTE, '', $this->lines[$this->next++]);
        }
        return "<blockquote>\n" . (new self($lines, $this->depth + 1))->blocks() . "</blockquote>\n";
    }

    /**
     * Makes HTML of a list.
     *
     * @param string[] $first What matched its first line.
     * @return string
     */
    private function items(array $first): string {
        $indent = strlen($first[1]);
        $isordered = ctype_digit($first[2][0]);
        $html = '';
        while ($this->next < count($this->lines) && preg_match(self::ITEM, $this->lines[$this->next], $match)) {
            $isother = strlen($match[1]) > $indent + 1 || strlen($match[1]) < $indent || ctype_digit($match[2][0]) !== $isordered;
            if ($isother || preg_match(self::RULE, $this->lines[$this->next])) {
                break;
            }
            $html .= '<li>' . $this->item($match) . "</li>\n";
        }
        $start = (int) $first[2];
        $tag = $isordered ? 'ol' : 'ul';
        return ($isordered && $start !== 1 ? "<ol start=\"$start\">" : "<$tag>") . "\n$html</$tag>\n";
    }

    /**
     * Makes HTML of an item: its line, and what is indented below it.
     *
     * @param string[] $match What matched its line.
     * @return string
     */
    private function item(array $match): string {
        $indent = strlen($match[1]);
        $first = substr($this->lines[$this->next++], strlen($match[0]));
        $lines = [preg_replace(['/^\[ \] /', '/^\[[xX]\] /'], ['☐ ', '☑ '], $first)];
        while ($this->next < count($this->lines)) {
            $line = $this->lines[$this->next];
            $spaces = strspn($line, ' ');
            if (trim($line) === '') {
                // An empty line belongs to the item if what comes after it does.
                $next = $this->next;
                while (isset($this->lines[$next]) && trim($this->lines[$next]) === '') {
                    $next++;
                }
                $after = $this->lines[$next] ?? '';
                if (strspn($after, ' ') <= $indent + 1) {
                    $this->next = preg_match(self::ITEM, $after) ? $next : $this->next;
                    break;
                }
            } else if ($spaces <= $indent + 1 && $this->begins_block($line)) {
                break;
            }
            $lines[] = substr($line, min($spaces, strlen($match[0])));
            $this->next++;
        }
        $html = (new self($lines, $this->depth + 1))->blocks();
        // An item of one paragraph is written without the space around it.
        return preg_match('~^<p>((?:(?!</?p>).)*)</p>\n((?:<[uo]l.*)?)$~s', $html, $parts) ? $parts[1] . $parts[2] : $html;
    }

    /**
     * Makes HTML of a formula that has lines of its own.
     *
     * @param string $line
     * @return string|null Null: there is none.
     */
    private function formula(string $line): ?string {
        $begin = substr(trim($line), 0, 2);
        $end = self::FORMULAS[$begin] ?? null;
        if ($end === null) {
            return null;
        }
        for ($last = $this->next; $last < count($this->lines) && trim($this->lines[$last]) !== ''; $last++) {
            $rest = $last === $this->next ? substr(trim($this->lines[$last]), 2) : trim($this->lines[$last]);
            if (str_ends_with($rest, $end)) {
                $text = trim(implode("\n", array_slice($this->lines, $this->next, $last - $this->next + 1)));
                $this->next = $last + 1;
                return '<p>' . inline::formula($begin, substr($text, 2, -2), $end) . "</p>\n";
            }
        }
        return null;
    }

    /**
     * Makes HTML of the lines until an empty one, or another block.
     *
     * @return string
     */
    private function paragraph(): string {
        $lines = [];
        do {
            $lines[] = trim($this->lines[$this->next++]);
            $line = $this->lines[$this->next] ?? '';
        } while (trim($line) !== '' && !$this->begins_block($line) && !markdown_table::begins($this->lines, $this->next));
        return '<p>' . inline::to_html(implode("\n", $lines)) . "</p>\n";
    }

    /**
     * Returns whether a line ends the paragraph before it.
     *
     * @param string $line
     * @return bool
     */
    private function begins_block(string $line): bool {
        if (preg_match(self::FENCE, $line) || preg_match(self::HEADING, $line) || preg_match(self::RULE, $line)) {
            return true;
        }
        if ($this->depth >= self::MAX_DEPTH) {
            return false;
        }
        return preg_match(self::QUOTE, $line) || preg_match(self::ITEM, $line);
    }
}
