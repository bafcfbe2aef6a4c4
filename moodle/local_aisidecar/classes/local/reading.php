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

use OpenaiMoodleSidecar\Error\DeadlineExceeded;
use OpenaiMoodleSidecar\Error\SidecarException;
use OpenaiMoodleSidecar\Event\Delta;
use OpenaiMoodleSidecar\Event\Done;
use OpenaiMoodleSidecar\Event\Progress;

/**
 * Reads an answer in pieces, for browsers that nothing can be streamed to: what is there, without waiting for more.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class reading {
    /** @var float What is there comes in one go: this much silence is the end of it, in seconds. */
    private const SILENCE = 0.02;

    /** @var float No call takes longer, however fast the model writes. */
    private const TOTAL = 0.1;

    /** @var string There is no more to read: it is to be finished. */
    public const ENDED = 'ended';

    /**
     * Returns what is new.
     *
     * @param \stdClass $answer
     * @param int $after The number of the last piece that is known.
     * @return array{status: string, after: int, text: string, progress: array{stage: string, done: int, total: int}|null}
     */
    public static function read(\stdClass $answer, int $after): array {
        $found = ['status' => $answer->status, 'after' => $after, 'text' => '', 'progress' => null];
        if ($answer->status !== messages::RUNNING) {
            return $found;
        }
        if (!collecting::has_reply($answer)) {
            return ['status' => collecting::collect($answer, 1)->status] + $found;
        }
        $request = sidecar::resume($answer, $after);
        $until = microtime(true) + self::TOTAL;
        try {
            foreach (sidecar::client(silence: self::SILENCE, first: 1.0)->stream($request) as $event) {
                if ($event instanceof Delta) {
                    $found['after'] = $event->seq;
                    $found['text'] .= $event->text;
                    $found['progress'] = null;
                } else if ($event instanceof Progress) {
                    $found['progress'] = ['stage' => $event->stage, 'done' => $event->done, 'total' => $event->total];
                } else if ($event instanceof Done) {
                    $found['status'] = self::ENDED;
                }
                if (microtime(true) > $until) {
                    break;
                }
            }
        } catch (DeadlineExceeded) {
            // That is all for now.
            return $found;
        } catch (SidecarException) {
            // Why, is kept when it is finished.
            $found['status'] = self::ENDED;
        }
        return $found;
    }
}
