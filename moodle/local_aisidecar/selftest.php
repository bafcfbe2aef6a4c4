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
 * Sends five events, 200 ms apart, the way that is to be tested: POST mode and sesskey. For the page that tests streaming.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

define('AJAX_SCRIPT', true);
define('NO_OUTPUT_BUFFERING', true);

require(__DIR__ . '/../../config.php');

use local_aisidecar\local\selftest;
use local_aisidecar\local\streaming;

if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    header('Allow: POST');
    streaming::refuse(405, 'method');
}
$mode = required_param('mode', PARAM_ALPHA);

try {
    require_login(null, false, null, false, true);
    require_sesskey();
    require_capability('moodle/site:config', context_system::instance());
} catch (moodle_exception $exception) {
    streaming::refuse(403, 'nopermission');
}

\core\session\manager::write_close();
selftest::send($mode);
