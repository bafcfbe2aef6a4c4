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

use OpenaiMoodleSidecar\Error\SidecarException;
use OpenaiMoodleSidecar\Request;

/**
 * Sends what the test of streaming measures: five events, 200 ms apart. No model is asked, and nothing is paid.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class selftest {
    /** @var int */
    private const EVENTS = 5;

    /** @var int Microseconds. */
    private const PAUSE = 200_000;

    /**
     * Sends them. Ends the request.
     *
     * @param string $mode handover, proxy or relay.
     */
    public static function send(string $mode): never {
        match ($mode) {
            delivery::RELAY => self::send_ourselves(),
            delivery::HANDOVER, delivery::PROXY => self::let_sidecar_send($mode),
            default => streaming::refuse(400, 'invalid_parameter'),
        };
    }

    /**
     * Sends them from PHP: what holds these back would hold back the relay as well.
     */
    private static function send_ourselves(): never {
        streaming::start_events();
        for ($seq = 1; $seq <= self::EVENTS; $seq++) {
            $data = json_encode(['event' => 'delta', 'seq' => $seq, 'text' => "$seq "]);
            echo "event: delta\nid: $seq\ndata: $data\n\n";
            flush();
            usleep(self::PAUSE);
        }
        echo "event: done\ndata: {\"event\":\"done\"}\n\n";
        die();
    }

    /**
     * Lets the sidecar send them, through the web server.
     *
     * @param string $mode
     */
    private static function let_sidecar_send(string $mode): never {
        global $USER;
        $pseudonym = sidecar::pseudonym($USER->id);
        try {
            $start = sidecar::client(5)->start(Request::selftest(['detach' => true, 'user_id' => $pseudonym]));
            streaming::send_reply($start->reply, 0, $pseudonym, $mode);
        } catch (SidecarException $exception) {
            streaming::refuse($exception->getCode(), $exception->errorCode, cause: $exception->getMessage());
        } catch (refused $exception) {
            streaming::refuse(503, $exception->reason, cause: $exception->cause);
        }
    }
}
