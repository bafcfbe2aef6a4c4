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

use OpenaiMoodleSidecar\Error\ConnectionFailed;
use OpenaiMoodleSidecar\Error\SidecarException;

/**
 * Asks: keeps the question, starts the answer in the sidecar, and is done after milliseconds.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class asking {
    /**
     * Asks in a place.
     *
     * @param place $place
     * @param string $action
     */
    public function __construct(
        /** @var place Where. */
        private readonly place $place,
        /** @var string What for. */
        private readonly string $action,
    ) {
    }

    /**
     * Asks something. The same key asks once, however often it is sent.
     *
     * @param string $content
     * @param int $conversationid 0: a new one.
     * @param string $key
     * @return array{0: \stdClass, 1: \stdClass} The question and the answer, which is still being written.
     * @throws refused
     */
    public function ask(string $content, int $conversationid, string $key): array {
        if ($known = $this->known($key)) {
            return $known;
        }
        limits::check_content($this->action, $content);
        $conversation = $conversationid === 0 ? null : conversations::require($conversationid);
        if ($conversation !== null) {
            $this->check_free($conversation);
        }
        return $this->begin($key, function () use ($conversation, $content, $key): array {
            $conversation ??= conversations::create($this->place, $content);
            return [
                messages::add($conversation, $this->place, messages::USER, $this->action, $key, $content),
                messages::add($conversation, $this->place, messages::ASSISTANT, $this->action, $key, ''),
            ];
        });
    }

    /**
     * Asks the same again, and puts the new answer in the place of an old one: the last of its conversation.
     *
     * @param int $replaces The old answer.
     * @param string $key
     * @return array{0: \stdClass, 1: \stdClass} The question and the answer, which is still being written.
     * @throws refused
     */
    public function ask_again(int $replaces, string $key): array {
        global $DB;
        if ($known = $this->known($key)) {
            return $known;
        }
        $old = messages::require_answer($replaces);
        $conversation = conversations::require($old->conversationid);
        $this->check_free($conversation);
        if ($DB->record_exists_select(messages::TABLE, 'conversationid = ? AND id > ?', [$conversation->id, $old->id])) {
            throw new refused('notlast');
        }
        $question = messages::question_of($old);
        access::require($this->place, $question->action);
        [$question, $answer] = $this->begin($key, fn(): array => [
            $question,
            messages::add($conversation, $this->place, messages::ASSISTANT, $question->action, $key, ''),
        ]);
        $DB->delete_records(messages::TABLE, ['id' => $old->id]);
        return [$question, $answer];
    }

    /**
     * Returns what was asked before with this key.
     *
     * @param string $key
     * @return array{0: \stdClass, 1: \stdClass}|null
     */
    private function known(string $key): ?array {
        limits::check_key($key);
        // Nothing after this may touch the session: the user's other pages do not wait for the sidecar.
        \core\session\manager::write_close();
        $answer = messages::by_key($key);
        return $answer ? $this->go_on_with($answer) : null;
    }

    /**
     * Keeps what is asked, and asks. Where the sidecar refuses, nothing is kept.
     *
     * @param string $key
     * @param \Closure $insert Adds the rows, and returns the question and the answer.
     * @return array{0: \stdClass, 1: \stdClass}
     */
    private function begin(string $key, \Closure $insert): array {
        global $DB;
        try {
            $transaction = $DB->start_delegated_transaction();
            [$question, $answer] = $insert();
            $transaction->allow_commit();
        } catch (\dml_write_exception $exception) {
            try {
                $transaction->rollback($exception);
            } catch (\dml_write_exception) {
                // The same key came twice at the same time: the other one has asked.
                return $this->go_on_with(messages::by_key($key) ?? throw $exception);
            }
        }
        try {
            return [$question, $this->start($question, $answer)];
        } catch (refused $exception) {
            $this->take_back($question, $answer);
            $this->note_refusal($exception);
            throw $exception;
        }
    }

    /**
     * Goes on with what was asked before with the same key.
     *
     * @param \stdClass $answer
     * @return array{0: \stdClass, 1: \stdClass}
     */
    private function go_on_with(\stdClass $answer): array {
        $question = messages::question_of($answer);
        if ($answer->status === messages::RUNNING && $answer->reply === null) {
            // Whoever came first may still be at it, or PHP ended in between: to the sidecar, too, the key means the same.
            $asking = new self(place::of(messages::context_of($answer)), $question->action);
            $answer = $asking->start($question, $answer);
        }
        return [$question, $answer];
    }

    /**
     * Starts the answer in the sidecar.
     *
     * @param \stdClass $question
     * @param \stdClass $answer
     * @return \stdClass The answer's row, with the reply's name.
     * @throws refused
     */
    private function start(\stdClass $question, \stdClass $answer): \stdClass {
        global $DB;
        try {
            $start = sidecar::client()->start(prompt::request($question, $answer, $this->place, isdetached: true));
            $answer->reply = $start->reply;
            $answer->model = \core_text::substr($start->model, 0, 128);
        } catch (ConnectionFailed $exception) {
            if (!sidecar::has_command()) {
                throw refused::by($exception);
            }
            return $this->ask_child($question, $answer);
        } catch (SidecarException $exception) {
            throw refused::by($exception);
        }
        $DB->update_record(messages::TABLE, ['id' => $answer->id, 'reply' => $answer->reply, 'model' => $answer->model]);
        $this->note($question, $answer);
        return $answer;
    }

    /**
     * Lets a child of PHP answer, and waits for the whole of it: the way of sites without a running sidecar.
     *
     * @param \stdClass $question
     * @param \stdClass $answer
     * @return \stdClass The answer's row.
     */
    private function ask_child(\stdClass $question, \stdClass $answer): \stdClass {
        global $DB;
        $slot = relay_slots::take() ?? throw new refused('overloaded', 10);
        try {
            $DB->set_field(messages::TABLE, 'reply', messages::ONE_SHOT, ['id' => $answer->id]);
            $answer->reply = messages::ONE_SHOT;
            \core_php_time_limit::raise(0);
            $request = prompt::request($question, $answer, $this->place, isdetached: false);
            $answer = collecting::store_one_shot($answer, static fn() => sidecar::client()->ask($request));
            $this->note($question, $answer);
            return $answer;
        } finally {
            $slot->release();
        }
    }

    /**
     * Notes that something was asked.
     *
     * @param \stdClass $question
     * @param \stdClass $answer
     */
    private function note(\stdClass $question, \stdClass $answer): void {
        global $DB;
        $DB->set_field(conversations::TABLE, 'timemodified', time(), ['id' => $answer->conversationid]);
        \local_aisidecar\event\question_asked::create([
            'context' => $this->place->context,
            'objectid' => $question->id,
            'userid' => $answer->userid,
            'other' => ['action' => $question->action, 'conversationid' => $answer->conversationid],
        ])->trigger();
    }

    /**
     * Notes that the sidecar did not take a question: for a limit, or for a fault.
     *
     * @param refused $exception
     */
    private function note_refusal(refused $exception): void {
        \local_aisidecar\event\request_refused::create([
            'context' => $this->place->context,
            'other' => ['action' => $this->action, 'code' => $exception->reason],
        ])->trigger();
        failures::note($exception->reason, $exception->cause);
    }

    /**
     * Removes what was kept of a question that was refused: the browser still has its text.
     *
     * @param \stdClass $question
     * @param \stdClass $answer
     */
    private function take_back(\stdClass $question, \stdClass $answer): void {
        global $DB;
        $DB->delete_records(messages::TABLE, ['id' => $answer->id]);
        if ($question->requestkey === $answer->requestkey) {
            $DB->delete_records(messages::TABLE, ['id' => $question->id]);
        }
        if (!$DB->record_exists(messages::TABLE, ['conversationid' => $answer->conversationid])) {
            $DB->delete_records(conversations::TABLE, ['id' => $answer->conversationid]);
        }
    }

    /**
     * Makes sure that the conversation is not in the middle of an answer.
     *
     * @param \stdClass $conversation
     * @throws refused
     */
    private function check_free(\stdClass $conversation): void {
        global $DB;
        $running = $DB->get_records(messages::TABLE, ['conversationid' => $conversation->id, 'status' => messages::RUNNING]);
        foreach ($running as $answer) {
            if (collecting::collect($answer, 0.5)->status === messages::RUNNING) {
                throw new refused('busy', 5);
            }
        }
    }
}
