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
 * What web servers have to be told, so that answers come word by word.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class snippets {
    /** @var string[] In the folder webserver/, where scripts/moodle-package has put them. */
    private const FILES = [
        delivery::HANDOVER => 'nginx-sidecar.conf',
        delivery::PROXY => 'apache-sidecar.conf',
    ];

    /** @var string For PHP's own relay it is a word in the configuration that is there already. */
    private const RELAY = <<<'CONF'
        # Apache with php-fpm (mod_proxy_fcgi), else each answer comes all at once:
        <Proxy "fcgi://localhost/" flushpackets=on>
        </Proxy>

        # A second nginx in front of the web server:
        proxy_http_version 1.1;
        proxy_buffering off;
        CONF;

    /**
     * Returns what to put where.
     *
     * @param string $delivery
     * @return array{0: string, 1: string} The file's name, and its text.
     */
    public static function for(string $delivery): array {
        $name = self::FILES[$delivery] ?? '';
        if ($name === '') {
            return ['', self::RELAY];
        }
        $path = __DIR__ . "/../../webserver/$name";
        return ["webserver/$name", is_readable($path) ? (string) file_get_contents($path) : ''];
    }
}
