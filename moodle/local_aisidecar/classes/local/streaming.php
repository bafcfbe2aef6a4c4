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

use OpenaiMoodleSidecar\Error\BrowserLeft;
use OpenaiMoodleSidecar\Error\SidecarException;
use OpenaiMoodleSidecar\Request;
use OpenaiMoodleSidecar\ServerSentEvents;

/**
 * Brings an answer to the browser while it is written, by the web server or by PHP itself.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class streaming {
    /**
     * Sends an answer. Ends the request.
     *
     * @param \stdClass $answer
     * @param int $after The number of the last piece that the browser has.
     * @param string $wanted The way that the browser asks for: where the site's own has failed, one that needs less.
     */
    public static function send(\stdClass $answer, int $after, string $wanted): never {
        if ($answer->status !== messages::RUNNING || !collecting::has_reply($answer)) {
            self::refuse(410, 'ended');
        }
        try {
            self::send_reply($answer->reply, $after, sidecar::pseudonym($answer->userid), delivery::within($wanted));
        } catch (SidecarException $exception) {
            self::refuse($exception->getCode(), $exception->errorCode);
        } catch (refused $exception) {
            self::refuse(503, $exception->reason);
        }
    }

    /**
     * Sends a reply of the sidecar.
     *
     * @param string $reply
     * @param int $after
     * @param string $pseudonym
     * @param string $delivery
     * @throws SidecarException Before anything was sent.
     */
    public static function send_reply(string $reply, int $after, string $pseudonym, string $delivery): never {
        match ($delivery) {
            delivery::HANDOVER => self::hand_over(sidecar::client(5)->ticket($reply, $after, $pseudonym)->ticket),
            delivery::PROXY => self::point_to(sidecar::client(5)->ticket($reply, $after, $pseudonym)->ticket),
            delivery::RELAY => self::relay($reply, $after, $pseudonym),
            default => self::refuse(409, 'poll'),
        };
    }

    /**
     * Says no, in a form that the browser's script understands. Ends the request.
     *
     * @param int $status
     * @param string $code
     * @param int $retryafter
     * @param string $cause For administrators only.
     */
    public static function refuse(int $status, string $code, int $retryafter = 0, string $cause = ''): never {
        http_response_code($status);
        header('Content-Type: application/json; charset=utf-8');
        header('Cache-Control: no-store');
        if ($retryafter > 0) {
            header("Retry-After: $retryafter");
        }
        $answer = ['code' => $code, 'message' => words::of($code)] + ($cause === '' ? [] : ['cause' => $cause]);
        die(json_encode($answer, JSON_INVALID_UTF8_SUBSTITUTE));
    }

    /**
     * Lets nginx take over: this worker of PHP is free while the answer is written.
     *
     * @param string $ticket
     */
    private static function hand_over(string $ticket): never {
        // What nginx finds here it keeps for the browser.
        header('Content-Type: text/event-stream; charset=utf-8');
        header('Cache-Control: no-store, no-transform');
        header('X-Accel-Redirect: ' . delivery::handover_prefix() . $ticket);
        die();
    }

    /**
     * Tells the browser where Apache leads to the sidecar.
     *
     * @param string $ticket Good once, for half a minute.
     */
    private static function point_to(string $ticket): never {
        header('Content-Type: application/json; charset=utf-8');
        header('Cache-Control: no-store');
        // The path is one of the host, wherever on it Moodle is.
        die(json_encode(['url' => delivery::proxy_prefix() . $ticket], JSON_UNESCAPED_SLASHES));
    }

    /**
     * Passes on what comes from the sidecar, as long as a worker of PHP may be held for it.
     *
     * @param string $reply
     * @param int $after
     * @param string $pseudonym
     */
    private static function relay(string $reply, int $after, string $pseudonym): never {
        $slot = relay_slots::take();
        if ($slot === null) {
            self::refuse(503, 'relay_busy', 5);
        }
        // To be told that the browser has left, and not to be ended by it in the middle of a write.
        ignore_user_abort(true);
        \core_php_time_limit::raise(0);
        try {
            self::pass_on(Request::resume($reply, $after, $pseudonym));
        } finally {
            // Not after die(), which runs no finally: whatever ends the relay, its place is free.
            $slot->release();
        }
        die();
    }

    /**
     * Passes on the events of a request until they end, or the browser leaves.
     *
     * @param Request $request
     * @throws SidecarException Before anything was sent.
     */
    private static function pass_on(Request $request): void {
        try {
            $events = sidecar::relaying_client()->stream($request);
            self::start_events();
            foreach ($events as $event) {
                echo ServerSentEvents::event($event);
                flush();
            }
        } catch (BrowserLeft) {
            // The answer goes on for whoever comes back.
            return;
        } catch (SidecarException $exception) {
            if (!headers_sent()) {
                throw $exception;
            }
            echo ServerSentEvents::error($exception);
        }
    }

    /**
     * Begins a stream of events.
     */
    public static function start_events(): void {
        while (ob_get_level() > 0) {
            ob_end_clean();
        }
        array_map(header(...), sidecar::STREAM_HEADERS);
    }
}
