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

/**
 * A user's own conversations: the list, and one of them.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

require(__DIR__ . '/../../config.php');

use local_aisidecar\local\conversations;
use local_aisidecar\local\history_page;

$conversationid = optional_param('conversationid', 0, PARAM_INT);

require_login(null, false);
if (isguestuser()) {
    throw new require_login_exception('Guests have no conversations.');
}
$conversation = $conversationid === 0 ? null : conversations::require($conversationid);
$page = new history_page($conversation);

$PAGE->set_url('/local/aisidecar/history.php', $conversationid === 0 ? [] : ['conversationid' => $conversationid]);
$page->enter();
$PAGE->set_pagelayout('standard');
$PAGE->set_title($page->title());
$PAGE->set_heading(get_string('history', 'local_aisidecar'));
$PAGE->navbar->add(get_string('history', 'local_aisidecar'), new moodle_url('/local/aisidecar/history.php'));

$content = $page->content($PAGE->get_renderer('core'));
echo $OUTPUT->header();
echo $content;
echo $OUTPUT->footer();
