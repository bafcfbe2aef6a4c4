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

use local_aisidecar\local\collecting;
use local_aisidecar\local\messages;

/**
 * Collects the answers that no page was there any more to collect.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class collect_answers extends \core\task\scheduled_task {
    /** @var float Seconds to wait for each: what has ended comes at once. */
    private const WAIT = 0.2;

    /** @var int Who has asked so lately is there still, and collects it himself. */
    private const YOUNG = 20;

    /** @var int Seconds for all of them; the rest has its turn a minute later. */
    private const TOTAL = 50;

    /**
     * Returns its name.
     *
     * @return string
     */
    public function get_name() {
        return get_string('task_collect_answers', 'local_aisidecar');
    }

    /**
     * Collects.
     */
    public function execute() {
        global $DB;
        $until = time() + self::TOTAL;
        $ended = 0;
        $rows = $DB->get_recordset_select(
            messages::TABLE,
            'status = :running AND timecreated < :before',
            ['running' => messages::RUNNING, 'before' => time() - self::YOUNG],
            'id',
        );
        foreach ($rows as $row) {
            $ended += (int) (collecting::collect($row, self::WAIT)->status !== messages::RUNNING);
            if (time() >= $until) {
                break;
            }
        }
        $rows->close();
        mtrace("Answers collected: $ended.");
    }
}
