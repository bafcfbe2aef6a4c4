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

use core_external\external_api;

/**
 * From where a browser calls.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class caller {
    /**
     * Makes sure that the user may be where the call comes from, or rather where the conversation belongs.
     *
     * A conversation that is gone on with on a page of another course stays one of its own course, with its rules and its persona.
     *
     * @param int $contextid Of the page.
     * @param int $conversationid 0: none yet.
     * @return array{0: \context, 1: place}
     * @throws refused
     */
    public static function enter(int $contextid, int $conversationid): array {
        $context = \context::instance_by_id($contextid);
        if ($conversationid !== 0) {
            $conversation = conversations::require($conversationid);
            if ((int) $conversation->contextid !== (int) place::of($context)->home->id) {
                $context = conversations::home_of($conversation);
            }
        }
        external_api::validate_context($context);
        return [$context, place::of($context)];
    }
}
