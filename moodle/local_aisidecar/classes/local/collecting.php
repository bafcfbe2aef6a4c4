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

use OpenaiMoodleSidecar\Answer;
use OpenaiMoodleSidecar\Error\Cancelled;
use OpenaiMoodleSidecar\Error\ConnectionFailed;
use OpenaiMoodleSidecar\Error\DeadlineExceeded;
use OpenaiMoodleSidecar\Error\Draining;
use OpenaiMoodleSidecar\Error\NotFound;
use OpenaiMoodleSidecar\Error\SidecarError;
use OpenaiMoodleSidecar\Error\SidecarException;
use OpenaiMoodleSidecar\Usage;

/**
 * Fetches answers that have ended from the sidecar, and keeps them.
 *
 * What a browser says that it has read proves nothing; and whoever comes first, the page or cron, an answer is kept once.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class collecting {
    /** @var int For so long an answer may be written (SIDECAR_TIMEOUT_TOTAL) and is then kept (SIDECAR_RESUME_SECONDS). */
    private const KEPT_SECONDS = 1260;

    /** @var int So long after it was asked, an answer without a reply's name has none. */
    private const START_SECONDS = 60;

    /** @var int For so long a child of PHP may write an answer. */
    private const ONE_SHOT_SECONDS = 660;

    /**
     * Collects an answer if it has ended.
     *
     * @param \stdClass $answer
     * @param float $seconds How long to wait for the end.
     * @return \stdClass The row, as it is now.
     */
    public static function collect(\stdClass $answer, float $seconds): \stdClass {
        if ($answer->status !== messages::RUNNING) {
            return $answer;
        }
        if (!self::has_reply($answer)) {
            return self::give_up_if_old($answer);
        }
        $request = sidecar::resume($answer);
        try {
            return self::store($answer, static fn() => sidecar::client($seconds)->ask($request));
        } catch (DeadlineExceeded) {
            return $answer;
        } catch (SidecarException | refused) {
            return self::give_up_if_old($answer);
        }
    }

    /**
     * Collects an answer of which the reader knows that it has ended, or that nobody is there any more who writes it.
     *
     * @param \stdClass $answer
     * @param float $seconds How long to wait for the end.
     * @return \stdClass The row, as it is now.
     */
    public static function finish(\stdClass $answer, float $seconds = 5.0): \stdClass {
        // A restart takes a second, and then the sidecar says that it knows no such answer; a crowd before its door passes.
        foreach ([0, 1, 3] as $pause) {
            sleep($pause);
            $answer = self::collect($answer, $seconds);
            if ($answer->status !== messages::RUNNING || !self::has_reply($answer) || sidecar::is_there()) {
                return $answer;
            }
        }
        return self::keep($answer, ['status' => messages::INTERRUPTED, 'errorcode' => 'lost']);
    }

    /**
     * Asks for the end of an answer, and keeps it.
     *
     * @param \stdClass $answer
     * @param \Closure $ask Returns the Answer, or throws.
     * @return \stdClass The row, as it is now.
     * @throws SidecarException It is not known how the answer ends.
     */
    private static function store(\stdClass $answer, \Closure $ask): \stdClass {
        try {
            $end = $ask();
        } catch (SidecarError $error) {
            return self::keep($answer, self::fields_of_error($answer, $error), $error->getMessage());
        }
        return self::keep($answer, self::fields_of_answer($end));
    }

    /**
     * The same for an answer that ends with its connection: whatever goes wrong is its end.
     *
     * @param \stdClass $answer
     * @param \Closure $ask Returns the Answer, or throws.
     * @return \stdClass The row, as it is now.
     * @throws refused Nobody was asked.
     */
    public static function store_one_shot(\stdClass $answer, \Closure $ask): \stdClass {
        try {
            return self::store($answer, $ask);
        } catch (ConnectionFailed $exception) {
            // It did not even start: nobody was asked.
            throw refused::by($exception);
        } catch (SidecarException $exception) {
            $fields = ['status' => messages::FAILED, 'errorcode' => $exception->errorCode];
            return self::keep($answer, $fields, $exception->getMessage());
        }
    }

    /**
     * Returns what is kept of an answer that came whole.
     *
     * @param Answer $end
     * @return array
     */
    private static function fields_of_answer(Answer $end): array {
        return [
            'status' => messages::COMPLETE,
            'content' => messages::storable($end->text),
            'finishreason' => $end->finishReason?->value,
        ] + ($end->model === null ? [] : ['model' => \core_text::substr($end->model, 0, 128)])
            + self::fields_of_usage($end->usage, $end->shared);
    }

    /**
     * Returns what is kept of an answer that did not.
     *
     * @param \stdClass $answer
     * @param SidecarError $error
     * @return array
     */
    private static function fields_of_error(\stdClass $answer, SidecarError $error): array {
        global $DB;
        [$status, $code] = match (true) {
            $error instanceof Cancelled => $DB->get_field(messages::TABLE, 'stoprequested', ['id' => $answer->id])
                ? [messages::STOPPED, 'stopped']
                : [messages::INTERRUPTED, 'interrupted'],
            $error instanceof NotFound => [messages::INTERRUPTED, 'lost'],
            $error instanceof Draining => [messages::INTERRUPTED, 'draining'],
            default => [messages::FAILED, $error->errorCode],
        };
        return [
            'status' => $status,
            'errorcode' => \core_text::substr($code, 0, 32),
            'content' => messages::storable((string) $error->partial),
            'retryafter' => $error->retryAfter === null ? null : time() + (int) ceil($error->retryAfter),
        ] + self::fields_of_usage($error->usage, $error->shared);
    }

    /**
     * Returns what is kept of the cost.
     *
     * @param Usage|null $usage
     * @param bool $shared
     * @return array
     */
    private static function fields_of_usage(?Usage $usage, bool $shared): array {
        return $usage === null ? [] : [
            'prompttokens' => $usage->promptTokens,
            'completiontokens' => $usage->completionTokens,
            'estimated' => (int) $usage->estimated,
            'shared' => (int) $shared,
        ];
    }

    /**
     * Keeps the end of an answer, unless somebody else has.
     *
     * @param \stdClass $answer
     * @param array $fields
     * @param string $cause What the administrator should know.
     * @return \stdClass The row, as it is now.
     */
    private static function keep(\stdClass $answer, array $fields, string $cause = ''): \stdClass {
        global $DB;
        // On MySQL a lock's name is one of the whole site.
        $lock = \core\lock\lock_config::get_lock_factory('local_aisidecar')->get_lock("local_aisidecar_message_$answer->id", 5);
        try {
            $row = $DB->get_record(messages::TABLE, ['id' => $answer->id]);
            if (!$row || !$lock || $row->status !== messages::RUNNING) {
                return $row ?: $answer;
            }
            $DB->update_record(messages::TABLE, ['id' => $row->id, 'timefinished' => time()] + $fields);
            $row = $DB->get_record(messages::TABLE, ['id' => $row->id], '*', MUST_EXIST);
        } finally {
            $lock && $lock->release();
        }
        self::note($row, $cause);
        return $row;
    }

    /**
     * Notes how an answer has ended.
     *
     * @param \stdClass $row
     * @param string $cause
     */
    private static function note(\stdClass $row, string $cause): void {
        $context = \context::instance_by_id($row->contextid, IGNORE_MISSING) ?: \context_system::instance();
        $data = ['context' => $context, 'objectid' => $row->id, 'userid' => $row->userid, 'other' => ['action' => $row->action]];
        if (in_array($row->status, [messages::COMPLETE, messages::STOPPED], true)) {
            $data['other'] += [
                'status' => $row->status,
                'prompttokens' => (int) $row->prompttokens,
                'completiontokens' => (int) $row->completiontokens,
            ];
            \local_aisidecar\event\answer_received::create($data)->trigger();
            return;
        }
        $data['other'] += ['code' => $row->errorcode];
        \local_aisidecar\event\answer_failed::create($data)->trigger();
        failures::note((string) $row->errorcode, $cause);
    }

    /**
     * Calls an answer lost if the sidecar cannot have it any more.
     *
     * @param \stdClass $answer
     * @return \stdClass The row, as it is now.
     */
    private static function give_up_if_old(\stdClass $answer): \stdClass {
        $seconds = match (true) {
            self::has_reply($answer) => self::KEPT_SECONDS,
            $answer->reply === messages::ONE_SHOT => self::ONE_SHOT_SECONDS,
            default => self::START_SECONDS,
        };
        return time() - $answer->timecreated > $seconds
            ? self::keep($answer, ['status' => messages::INTERRUPTED, 'errorcode' => 'lost'])
            : $answer;
    }

    /**
     * Returns whether the sidecar knows the answer by a name.
     *
     * @param \stdClass $answer
     * @return bool
     */
    public static function has_reply(\stdClass $answer): bool {
        return $answer->reply !== null && $answer->reply !== messages::ONE_SHOT;
    }
}
