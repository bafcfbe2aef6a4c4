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

use core\hook\output\before_footer_html_generation;
use local_aisidecar\local\access;
use local_aisidecar\local\limits;
use local_aisidecar\local\place;
use local_aisidecar\local\words;

/**
 * What we do where Moodle asks for it.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class hook_callbacks {
    /** @var string[] Pages without room for a drawer, or where nobody may be helped. */
    private const LAYOUTS = ['maintenance', 'print', 'redirect', 'embedded', 'popup', 'secure', 'login', 'frametop'];

    /**
     * Puts the drawer on the pages where the user may ask. Nothing is asked of the sidecar, and whatever fails, the page comes.
     *
     * @param before_footer_html_generation $hook
     */
    public static function before_footer_html_generation(before_footer_html_generation $hook): void {
        global $PAGE;
        if (during_initial_install() || in_array($PAGE->pagelayout, self::LAYOUTS, true)) {
            return;
        }
        try {
            $html = self::drawer();
        } catch (\Throwable $exception) {
            debugging('local_aisidecar: ' . $exception->getMessage(), DEBUG_DEVELOPER, $exception->getTrace());
            return;
        }
        $hook->add_html($html);
    }

    /**
     * Returns the drawer, and calls for what moves it.
     *
     * @return string|null Null: it is not for this user on this page.
     */
    private static function drawer(): ?string {
        global $PAGE, $USER;
        $place = place::of($PAGE->context);
        $actions = access::actions($place);
        if ($actions === []) {
            return null;
        }
        $config = [
            'contextid' => (int) $PAGE->context->id,
            'courseid' => $place->courseid,
            'userid' => (int) $USER->id,
            'actions' => $actions,
            'policyaccepted' => access::policy_accepted(),
            'maxlength' => limits::max_length('chat'),
            'maxtextlength' => limits::max_length('summarize'),
            'retryable' => words::WORTH_A_RETRY,
        ];
        $historyurl = (new \moodle_url('/local/aisidecar/history.php'))->out(false);
        $html = $PAGE->get_renderer('core')->render_from_template('local_aisidecar/drawer', ['historyurl' => $historyurl]);
        // So that formulas can be set that come later.
        \core_filters\filter_manager::instance()->setup_page_for_filters($PAGE, $PAGE->context);
        $PAGE->requires->js_call_amd('local_aisidecar/drawer', 'init', [$config]);
        return $html;
    }
}
