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
 * Where an administrator's browser tests how answers reach it.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/adminlib.php');

use local_aisidecar\local\delivery;
use local_aisidecar\local\snippets;

admin_externalpage_setup('local_aisidecar_delivery');

$modes = [];
foreach ([delivery::HANDOVER, delivery::PROXY, delivery::RELAY] as $mode) {
    [$file, $fix] = snippets::for($mode);
    $modes[] = [
        'mode' => $mode,
        'name' => get_string("delivery_$mode", 'local_aisidecar'),
        'description' => get_string("delivery_chosen_$mode", 'local_aisidecar'),
        'fix' => $fix,
        'fixfile' => $file,
    ];
}
$PAGE->requires->js_call_amd('local_aisidecar/delivery', 'init', [
    ['selftesturl' => (new moodle_url('/local/aisidecar/selftest.php'))->out(false)],
]);

echo $OUTPUT->header();
echo $OUTPUT->heading(get_string('delivery_test', 'local_aisidecar'));
echo $OUTPUT->render_from_template('local_aisidecar/delivery', [
    'current' => get_string('delivery_' . delivery::current(), 'local_aisidecar'),
    'modes' => $modes,
]);
echo $OUTPUT->footer();
