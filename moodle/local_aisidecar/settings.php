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
 * The site's settings.
 *
 * What starts a sidecar for one request is not among them: that is a matter of config.php, as README says.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

if ($hassiteconfig) {
    $ADMIN->add('localplugins', new admin_category('local_aisidecar_category', get_string('pluginname', 'local_aisidecar')));
    $settings = new admin_settingpage('local_aisidecar', get_string('settings', 'local_aisidecar'));
    $ADMIN->add('local_aisidecar_category', $settings);
    $ADMIN->add('local_aisidecar_category', new admin_externalpage(
        'local_aisidecar_delivery',
        get_string('delivery_test', 'local_aisidecar'),
        new moodle_url('/local/aisidecar/delivery.php'),
    ));

    if ($ADMIN->fulltree) {
        \local_aisidecar\local\admin_settings::fill($settings);
    }
}
