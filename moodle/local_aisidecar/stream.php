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
 * Brings an answer to the browser while it is written: POST messageid, after, delivery and sesskey.
 *
 * Whatever goes wrong before the first event is a status with an object that says why; the browser then reads in pieces.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

define('AJAX_SCRIPT', true);
define('NO_OUTPUT_BUFFERING', true);

require(__DIR__ . '/../../config.php');

use local_aisidecar\local\access;
use local_aisidecar\local\messages;
use local_aisidecar\local\place;
use local_aisidecar\local\refused;
use local_aisidecar\local\streaming;

if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    header('Allow: POST');
    streaming::refuse(405, 'method');
}
$messageid = required_param('messageid', PARAM_INT);
$after = optional_param('after', 0, PARAM_INT);
$delivery = optional_param('delivery', '', PARAM_ALPHA);

try {
    require_login(null, false, null, false, true);
    require_sesskey();
    $answer = messages::require_answer($messageid);
    $context = messages::context_of($answer);
    [, $course, $cm] = get_context_info_array($context->id);
    require_login($course, false, $cm, false, true);
    access::require(place::of($context), $answer->action);
} catch (refused $exception) {
    streaming::refuse(403, $exception->reason);
} catch (moodle_exception $exception) {
    streaming::refuse(403, $exception->errorcode === 'invalidsesskey' ? 'session' : 'nopermission');
}

// Nothing after this may touch the session: the user's other pages do not wait for the answer.
\core\session\manager::write_close();
streaming::send($answer, max(0, $after), $delivery);
