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

use OpenaiMoodleSidecar\Client;
use OpenaiMoodleSidecar\Deadlines;
use OpenaiMoodleSidecar\Error\ConnectionFailed;
use OpenaiMoodleSidecar\Error\ConnectionLost;
use OpenaiMoodleSidecar\Error\InvalidSettings;
use OpenaiMoodleSidecar\Error\SidecarException;
use OpenaiMoodleSidecar\Request;
use OpenaiMoodleSidecar\ServerSentEvents;
use OpenaiMoodleSidecar\Settings;
use OpenaiMoodleSidecar\Transport\ApcuRest;
use OpenaiMoodleSidecar\Transport\FileRest;

defined('MOODLE_INTERNAL') || die();

// Whoever uses this class has the client's classes with it.
require_once(__DIR__ . '/../../client/autoload.php');

/**
 * The way to the sidecar: the one place that knows the client and its settings.
 *
 * The client opens a socket of its own: Moodle's curl refuses addresses of this machine, and it should.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class sidecar {
    /** @var string Where the sidecar listens if nobody says otherwise. */
    public const SOCKET = '/run/openai-moodle-sidecar/sidecar.sock';

    /** @var string[] What a stream of events begins with. */
    public const STREAM_HEADERS = ServerSentEvents::HEADERS;

    /**
     * Returns a client that does not care whether the browser is still there: what it asks for, PHP itself wants to know.
     *
     * @param float|null $total How many seconds a request may take; null: as long as an answer may take.
     * @param float|null $silence How many seconds of a stream may pass without a word; null: what the client thinks right.
     * @param float $first How many seconds the first word may take.
     * @return Client
     * @throws refused The settings make no sense.
     */
    public static function client(?float $total = null, ?float $silence = null, float $first = 5.0): Client {
        return new Client(self::settings($total, $silence, $first), static fn(): bool => false);
    }

    /**
     * Returns a client whose streams end when the browser leaves.
     *
     * @return Client
     * @throws refused The settings make no sense.
     */
    public static function relaying_client(): Client {
        return new Client(self::settings(null, null, 5.0));
    }

    /**
     * Returns whether a sidecar is running that keeps answers: a child of PHP would not.
     *
     * @return bool
     */
    public static function is_there(): bool {
        try {
            // To a ping, a child would answer as well; of a reply that there is none, only one that has some can say.
            self::client(2)->cancel('none');
        } catch (ConnectionFailed | ConnectionLost | refused) {
            return false;
        } catch (SidecarException) {
            return true;
        }
        return true;
    }

    /**
     * Returns the request for what there is of an answer.
     *
     * @param \stdClass $answer
     * @param int $after The number of the last piece that is known.
     * @return Request
     */
    public static function resume(\stdClass $answer, int $after = 0): Request {
        return Request::resume($answer->reply, $after, self::pseudonym($answer->userid));
    }

    /**
     * Returns what the sidecar knows a user by: never an id or a name that means something outside of this site.
     *
     * @param int $userid
     * @return string
     */
    public static function pseudonym(int $userid): string {
        return hash('sha256', get_site_identifier() . $userid);
    }

    /**
     * Returns whether a child of PHP may answer where no sidecar is running.
     *
     * @return bool
     */
    public static function has_command(): bool {
        return self::command() !== null;
    }

    /**
     * Reads the site's settings.
     *
     * @param float|null $total
     * @param float|null $silence
     * @param float $first
     * @return Settings
     */
    private static function settings(?float $total, ?float $silence, float $first): Settings {
        $config = get_config('local_aisidecar');
        $default = new Deadlines();
        try {
            return new Settings(
                socket: self::text($config->socket ?? self::SOCKET),
                tcp: self::text($config->tcp ?? ''),
                tokenFile: self::text($config->tokenfile ?? ''),
                command: self::command(),
                environment: self::forced()['environment'] ?? [],
                deadlines: new Deadlines(
                    firstEvent: $first,
                    silence: $silence ?? $default->silence,
                    total: $total ?? $default->total,
                ),
                rest: ApcuRest::isAvailable() ? new ApcuRest() : new FileRest(make_localcache_directory('local_aisidecar')),
            );
        } catch (InvalidSettings $exception) {
            throw new refused('settings', cause: $exception->getMessage());
        }
    }

    /**
     * Returns the command that starts a sidecar for one request.
     *
     * It comes from config.php and from nowhere else: who may change settings in the browser must not be able to start programs.
     *
     * @return list<string>|null
     */
    private static function command(): ?array {
        $command = self::forced()['command'] ?? null;
        return is_array($command) && $command !== [] ? array_values($command) : null;
    }

    /**
     * Returns what config.php says of this plugin.
     *
     * @return array
     */
    private static function forced(): array {
        global $CFG;
        $forced = $CFG->forced_plugin_settings['local_aisidecar'] ?? [];
        return is_array($forced) ? $forced : [];
    }

    /**
     * Returns a text of the settings, and null for none.
     *
     * @param string $text
     * @return string|null
     */
    private static function text(string $text): ?string {
        return trim($text) === '' ? null : trim($text);
    }
}
