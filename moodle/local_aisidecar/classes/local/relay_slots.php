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

use core\lock\lock;
use core\lock\lock_config;
use core\lock\lock_factory;

/**
 * How many workers of PHP may pass on answers at once: a site whose workers all do that opens no page any more.
 *
 * Each place is one of Moodle's locks, which ends with the worker that holds it, however that ends.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class relay_slots {
    /** @var int A worker is not held for longer; the browser then comes back. */
    private const MAX_SECONDS = 700;

    /** @var lock_factory|null One for all: a second one in the same process would get what the first one has. */
    private static ?lock_factory $factory = null;

    /**
     * Takes a place.
     *
     * @return lock|null Null: all are taken.
     */
    public static function take(): ?lock {
        self::$factory ??= lock_config::get_lock_factory('local_aisidecar_relay');
        $count = self::count();
        // Not all begin at the first: so the one that is free is found soon.
        $first = $count > 0 ? random_int(0, $count - 1) : 0;
        for ($i = 0; $i < $count; $i++) {
            // On MySQL a lock's name is one of the whole site.
            $lock = self::$factory->get_lock('local_aisidecar_relay_' . ($first + $i) % $count, 0, self::MAX_SECONDS);
            if ($lock) {
                return $lock;
            }
        }
        return null;
    }

    /**
     * Returns how many places there are.
     *
     * @return int
     */
    public static function count(): int {
        $set = get_config('local_aisidecar', 'relayslots');
        return $set === false ? 3 : max(0, (int) $set);
    }
}
