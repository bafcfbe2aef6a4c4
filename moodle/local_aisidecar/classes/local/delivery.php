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

/**
 * How answers come to browsers.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class delivery {
    /** @var string nginx takes over from PHP. */
    public const HANDOVER = 'handover';
    /** @var string Apache has a path of its own to the sidecar. */
    public const PROXY = 'proxy';
    /** @var string PHP passes on what comes. */
    public const RELAY = 'relay';
    /** @var string The browser asks again and again. */
    public const POLL = 'poll';

    /** @var string[] From the best to the one that works everywhere. */
    public const ALL = [self::HANDOVER, self::PROXY, self::RELAY, self::POLL];

    /** @var string What the browser's test says of a way on which events came one by one (amd/src/gaps.js). */
    private const STREAMS = 'streams';

    /**
     * Chooses the best way that works, by what a browser has found, and keeps that.
     *
     * @param array[] $results Each with mode, verdict, and gaps in milliseconds.
     * @return string
     */
    public static function choose(array $results): string {
        $best = self::best_of($results);
        set_config('delivery', $best, 'local_aisidecar');
        set_config('deliverytest', json_encode(['time' => time(), 'results' => $results]), 'local_aisidecar');
        return $best;
    }

    /**
     * Returns the best way on which events came one by one. Only the browser knows how they came, so it alone judges.
     *
     * @param array[] $results
     * @return string
     */
    public static function best_of(array $results): string {
        return current(array_intersect(self::ALL, self::working($results))) ?: self::POLL;
    }

    /**
     * Returns the ways that work; to ask again and again works everywhere.
     *
     * @param array[] $results
     * @return string[]
     */
    public static function working(array $results): array {
        $streaming = array_filter($results, static fn(array $result): bool => ($result['verdict'] ?? '') === self::STREAMS);
        return [...array_column($streaming, 'mode'), self::POLL];
    }

    /**
     * Returns when the test was run last, and what it found.
     *
     * @return array{time: int, results: array[]}|null
     */
    public static function last_test(): ?array {
        $kept = json_decode((string) get_config('local_aisidecar', 'deliverytest'), true);
        return is_array($kept) ? $kept : null;
    }

    /**
     * Returns which way is in use.
     *
     * @return string
     */
    public static function current(): string {
        $set = get_config('local_aisidecar', 'delivery');
        return in_array($set, self::ALL, true) ? $set : self::RELAY;
    }

    /**
     * Returns the way that a browser asks for, if it asks for no more than this site offers.
     *
     * @param string $wanted
     * @return string
     */
    public static function within(string $wanted): string {
        $current = self::current();
        return array_search($wanted, self::ALL, true) > array_search($current, self::ALL, true) ? $wanted : $current;
    }

    /**
     * Returns which way an answer goes.
     *
     * @param \stdClass $answer
     * @return string
     */
    public static function for(\stdClass $answer): string {
        return collecting::has_reply($answer) ? self::current() : self::POLL;
    }

    /**
     * Returns where a browser reads answers.
     *
     * @return string
     */
    public static function url(): string {
        return (new \moodle_url('/local/aisidecar/stream.php'))->out(false);
    }

    /**
     * Returns nginx's name for the sidecar, with a slash at its end.
     *
     * @return string
     */
    public static function handover_prefix(): string {
        return self::prefix('handoverprefix', '/_sidecar/replies/');
    }

    /**
     * Returns Apache's path to the sidecar, with a slash at its end.
     *
     * @return string
     */
    public static function proxy_prefix(): string {
        return self::prefix('proxyprefix', '/ai-stream/');
    }

    /**
     * Returns a path of the settings.
     *
     * @param string $name
     * @param string $default
     * @return string
     */
    private static function prefix(string $name, string $default): string {
        $prefix = trim((string) get_config('local_aisidecar', $name)) ?: $default;
        return rtrim($prefix, '/') . '/';
    }
}
