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
 * The site's settings, one after the other.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class admin_settings {
    /**
     * Puts them on their page.
     *
     * @param \admin_settingpage $page
     */
    public static function fill(\admin_settingpage $page): void {
        self::add_access($page);
        self::add_limits($page);
        self::add_sidecar($page);
        self::add_delivery($page);
    }

    /**
     * Adds who may use it, and where.
     *
     * @param \admin_settingpage $page
     */
    private static function add_access(\admin_settingpage $page): void {
        self::add_heading($page, 'access', '');
        $page->add(new \admin_setting_configcheckbox(...self::named('enabled'), defaultsetting: '1'));
        $page->add(new \admin_setting_configcheckbox(...self::named('coursedefault'), defaultsetting: '1'));
        $page->add(new \admin_setting_configcheckbox(...self::named('sitepages'), defaultsetting: '0'));
        $modules = \core_component::get_plugin_list('mod');
        $names = array_combine(array_keys($modules), array_map(
            static fn(string $name): string => get_string('modulename', "mod_$name"),
            array_keys($modules),
        ));
        $page->add(new \admin_setting_configmultiselect(
            ...self::named('excludedmodules'),
            defaultsetting: ['quiz'],
            choices: $names,
        ));
        $page->add(new persona_setting(...self::named('persona'), defaultsetting: '', paramtype: PARAM_RAW));
    }

    /**
     * Adds what is too much.
     *
     * @param \admin_settingpage $page
     */
    private static function add_limits(\admin_settingpage $page): void {
        self::add_heading($page, 'limits', '');
        $page->add(new \admin_setting_configtext(...self::named('maxlength'), defaultsetting: '10000', paramtype: PARAM_INT));
        $page->add(new \admin_setting_configtext(...self::named('maxtextlength'), defaultsetting: '200000', paramtype: PARAM_INT));
        $page->add(new \admin_setting_configtext(...self::named('retentiondays'), defaultsetting: '180', paramtype: PARAM_INT));
    }

    /**
     * Adds where the sidecar is.
     *
     * @param \admin_settingpage $page
     */
    private static function add_sidecar(\admin_settingpage $page): void {
        self::add_heading($page, 'sidecar', (new \moodle_url('/report/status/index.php'))->out());
        $path = '/^(\/[^\x00]{1,106})?$/';
        $page->add(new \admin_setting_configtext(...self::named('socket'), defaultsetting: sidecar::SOCKET, paramtype: $path));
        $loopback = '/^((127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\]):\d{1,5})?$/';
        $page->add(new \admin_setting_configtext(...self::named('tcp'), defaultsetting: '', paramtype: $loopback));
        $page->add(new \admin_setting_configtext(...self::named('tokenfile'), defaultsetting: '', paramtype: '/^(\/[^\x00]+)?$/'));
    }

    /**
     * Adds how answers come to browsers.
     *
     * @param \admin_settingpage $page
     */
    private static function add_delivery(\admin_settingpage $page): void {
        $test = (new \moodle_url('/local/aisidecar/delivery.php'))->out();
        self::add_heading($page, 'delivery', '');
        $choices = [];
        foreach (delivery::ALL as $way) {
            $choices[$way] = get_string("delivery_$way", 'local_aisidecar');
        }
        $page->add(new \admin_setting_configselect(
            'local_aisidecar/delivery',
            get_string('settings_delivery', 'local_aisidecar'),
            get_string('settings_delivery_desc', 'local_aisidecar', $test),
            delivery::RELAY,
            $choices,
        ));
        $page->add(new \admin_setting_configtext(...self::named('relayslots'), defaultsetting: '3', paramtype: PARAM_INT));
        $prefix = '/^\/[A-Za-z0-9._~\/-]{1,100}$/';
        $page->add(new \admin_setting_configtext(
            ...self::named('handoverprefix'),
            defaultsetting: '/_sidecar/replies/',
            paramtype: $prefix,
        ));
        $page->add(new \admin_setting_configtext(...self::named('proxyprefix'), defaultsetting: '/ai-stream/', paramtype: $prefix));
    }

    /**
     * Adds a heading.
     *
     * @param \admin_settingpage $page
     * @param string $name
     * @param string $url What the text below it leads to; empty: there is no text.
     */
    private static function add_heading(\admin_settingpage $page, string $name, string $url): void {
        $page->add(new \admin_setting_heading(
            "local_aisidecar/heading_$name",
            get_string("settings_$name", 'local_aisidecar'),
            $url === '' ? '' : get_string("settings_{$name}_desc", 'local_aisidecar', $url),
        ));
    }

    /**
     * Returns what every setting begins with: its name, and its texts.
     *
     * @param string $name
     * @return array{name: string, visiblename: string, description: string}
     */
    private static function named(string $name): array {
        return [
            'name' => "local_aisidecar/$name",
            'visiblename' => get_string("settings_$name", 'local_aisidecar'),
            'description' => get_string("settings_{$name}_desc", 'local_aisidecar'),
        ];
    }
}
