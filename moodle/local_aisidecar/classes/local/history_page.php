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
 * A user's own conversations: the list, with one of them open in the drawer.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class history_page {
    /** @var \context Where the page is: in the conversation's course, or with the user. */
    private \context $context;

    /** @var bool Whether the drawer is on the page, and so shows the conversation. */
    private bool $hasdrawer = false;

    /**
     * Takes what is to be shown.
     *
     * @param \stdClass|null $conversation One that is to be open.
     */
    public function __construct(
        /** @var \stdClass|null One that is to be open. */
        private readonly ?\stdClass $conversation,
    ) {
        global $USER;
        $this->context = \context_user::instance($USER->id);
    }

    /**
     * Goes to the conversation's course, if the user still may.
     */
    public function enter(): void {
        global $PAGE, $USER;
        $home = $this->conversation === null
            ? false
            : \context::instance_by_id($this->conversation->contextid, IGNORE_MISSING);
        if ($home instanceof \context_course && can_access_course(get_course($home->instanceid), $USER)) {
            require_login(get_course($home->instanceid), false, null, false);
            $this->context = $home;
        }
        $PAGE->set_context($this->context);
        $isthere = $this->conversation === null || place::of($this->context)->home->id === (int) $this->conversation->contextid;
        $this->hasdrawer = $isthere && access::actions(place::of($this->context)) !== [];
    }

    /**
     * Returns the page's title.
     *
     * @return string
     */
    public function title(): string {
        $history = get_string('history', 'local_aisidecar');
        return $this->conversation === null ? $history : s($this->conversation->title) . \moodle_page::TITLE_SEPARATOR . $history;
    }

    /**
     * Returns what is on the page.
     *
     * @param \core_renderer $output
     * @return string HTML
     */
    public function content(\core_renderer $output): string {
        global $PAGE;
        [$rows, $more] = conversations::page(0);
        $PAGE->requires->js_call_amd('local_aisidecar/history', 'init', [['contextid' => (int) $this->context->id, 'page' => 0]]);
        $list = $output->render_from_template('local_aisidecar/history', [
            'contextid' => (int) $this->context->id,
            'conversationid' => (int) ($this->conversation->id ?? 0),
            'hasconversations' => $rows !== [],
            'more' => $more,
            'conversations' => array_map(self::entry(...), $rows),
        ]);
        return ($this->hasdrawer || $this->conversation === null ? '' : $this->messages($output)) . $list;
    }

    /**
     * Returns a conversation as the list shows it.
     *
     * @param \stdClass $row
     * @return array
     */
    private static function entry(\stdClass $row): array {
        return [
            'id' => (int) $row->id,
            'title' => $row->title,
            'place' => conversations::place_name($row),
            'timemodified' => userdate($row->timemodified, get_string('strftimedatetimeshort', 'langconfig')),
            'url' => conversations::url($row)->out(false),
        ];
    }

    /**
     * Returns the messages, where nobody may ask any more, but everybody may read what is his.
     *
     * @param \core_renderer $output
     * @return string HTML
     */
    private function messages(\core_renderer $output): string {
        $html = $output->heading(s($this->conversation->title), 3);
        foreach (messages::in($this->conversation->id) as $row) {
            $html .= $output->heading(get_string("role_$row->role", 'local_aisidecar'), 4);
            $html .= \html_writer::div(message_data::html($row, $this->context));
            $notice = words::notice($row);
            if ($notice !== null) {
                $html .= $output->notification($notice['message'], 'info', false);
            }
        }
        return $html;
    }
}
