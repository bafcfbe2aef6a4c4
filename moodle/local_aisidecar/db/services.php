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
 * The web services, all of them for our own JavaScript.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

$functions = [
    'local_aisidecar_start' => [
        'classname' => \local_aisidecar\external\start::class,
        'description' => 'Asks the assistant, and returns before it has answered.',
        'type' => 'write',
        'ajax' => true,
        'capabilities' => 'local/aisidecar:use, local/aisidecar:usesite',
    ],
    'local_aisidecar_read' => [
        'classname' => \local_aisidecar\external\read::class,
        'description' => 'Returns what has been written of an answer since the last call.',
        'type' => 'read',
        'ajax' => true,
        'readonlysession' => true,
        'capabilities' => 'local/aisidecar:use',
    ],
    'local_aisidecar_finish' => [
        'classname' => \local_aisidecar\external\finish::class,
        'description' => 'Collects an answer that has ended, and returns it as it is kept.',
        'type' => 'write',
        'ajax' => true,
        'readonlysession' => true,
        'capabilities' => 'local/aisidecar:use',
    ],
    'local_aisidecar_stop' => [
        'classname' => \local_aisidecar\external\stop::class,
        'description' => 'Stops an answer that is being written.',
        'type' => 'write',
        'ajax' => true,
        'readonlysession' => true,
        'capabilities' => 'local/aisidecar:use',
    ],
    'local_aisidecar_get_conversation' => [
        'classname' => \local_aisidecar\external\get_conversation::class,
        'description' => 'Returns the messages of a conversation of the user.',
        'type' => 'read',
        'ajax' => true,
        'readonlysession' => true,
        'capabilities' => 'local/aisidecar:use',
    ],
    'local_aisidecar_get_conversations' => [
        'classname' => \local_aisidecar\external\get_conversations::class,
        'description' => 'Lists the conversations of the user.',
        'type' => 'read',
        'ajax' => true,
        'readonlysession' => true,
    ],
    'local_aisidecar_delete_conversation' => [
        'classname' => \local_aisidecar\external\delete_conversation::class,
        'description' => 'Deletes a conversation of the user.',
        'type' => 'write',
        'ajax' => true,
    ],
    'local_aisidecar_report_delivery' => [
        'classname' => \local_aisidecar\external\report_delivery::class,
        'description' => 'Keeps what the self-test in an administrator\'s browser has measured.',
        'type' => 'write',
        'ajax' => true,
        'capabilities' => 'moodle/site:config',
    ],
];
