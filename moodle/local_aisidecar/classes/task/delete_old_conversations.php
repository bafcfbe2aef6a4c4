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

namespace local_aisidecar\task;

use local_aisidecar\local\conversations;

/**
 * Deletes conversations in which nobody has asked anything for as long as the site's settings say.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class delete_old_conversations extends \core\task\scheduled_task {
    /**
     * Returns its name.
     *
     * @return string
     */
    public function get_name() {
        return get_string('task_delete_old_conversations', 'local_aisidecar');
    }

    /**
     * Deletes them.
     */
    public function execute() {
        $days = (int) get_config('local_aisidecar', 'retentiondays');
        if ($days <= 0) {
            mtrace('Conversations are kept for ever.');
            return;
        }
        $count = conversations::delete_where('timemodified < :cutoff', ['cutoff' => time() - $days * DAYSECS]);
        mtrace("Conversations deleted: $count.");
    }
}
