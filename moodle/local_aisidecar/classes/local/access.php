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

use core_ai\manager;

/**
 * Who may ask, and where. Looked at before the drawer is shown, and again whenever something is asked or read.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class access {
    /** @var string[] What core calls our actions: its switches by activity have these names. */
    private const CORE_ACTIONS = [
        'chat' => 'generate_text',
        'summarize' => 'summarise_text',
        'analyze' => 'explain_text',
    ];

    /** @var string[] What can be asked for. */
    public const ACTIONS = ['chat', 'summarize', 'analyze'];

    /**
     * Makes sure that the current user may ask for this here. Login and access to the course are checked by the caller.
     *
     * @param place $place
     * @param string $action
     * @throws refused
     */
    public static function require(place $place, string $action = 'chat'): void {
        $reason = self::refusal($place, $action);
        if ($reason !== null) {
            throw new refused($reason);
        }
        if (!self::policy_accepted()) {
            throw new refused('policynotaccepted');
        }
    }

    /**
     * Makes sure that the current user is who he says: conversations are for nobody else, administrators included.
     *
     * @throws refused
     */
    public static function require_oneself(): void {
        if (\core\session\manager::is_loggedinas()) {
            throw new refused('loggedinas');
        }
    }

    /**
     * Returns what the current user may ask for here, the policy aside.
     *
     * @param place $place
     * @return string[]
     */
    public static function actions(place $place): array {
        return self::common_refusal($place) === null ? array_values(array_diff(self::ACTIONS, self::switched_off($place))) : [];
    }

    /**
     * Returns whether the current user has accepted core's policy on the use of AI. Core itself asks in the browser only.
     *
     * @return bool
     */
    public static function policy_accepted(): bool {
        global $USER;
        return manager::get_user_policy_status($USER->id);
    }

    /**
     * Returns why not, in one word.
     *
     * @param place $place
     * @param string $action
     * @return string|null
     */
    private static function refusal(place $place, string $action): ?string {
        return self::common_refusal($place)
            ?? (in_array($action, self::switched_off($place), true) ? 'activitydisabled' : null);
    }

    /**
     * Returns why nothing may be asked for, in one word.
     *
     * @param place $place
     * @return string|null
     */
    private static function common_refusal(place $place): ?string {
        $config = get_config('local_aisidecar');
        return match (true) {
            !isloggedin() || isguestuser() => 'guest',
            \core\session\manager::is_loggedinas() => 'loggedinas',
            empty($config->enabled) => 'disabled',
            $place->is_site() && empty($config->sitepages) => 'disabled',
            !has_capability(self::capability($place), $place->context) => 'nopermission',
            $place->is_site() => null,
            !course_settings::of($place->courseid)->enabled => 'coursedisabled',
            $place->cmid !== null && self::is_excluded($place, $config->excludedmodules ?? 'quiz') => 'activitydisabled',
            // Core's switch of the course, which Moodle has from 5.1 on.
            method_exists(manager::class, 'is_ai_tools_enabled_in_course')
                && !manager::is_ai_tools_enabled_in_course($place->context) => 'coursedisabled',
            default => null,
        };
    }

    /**
     * Returns what is needed in a place.
     *
     * @param place $place
     * @return string
     */
    private static function capability(place $place): string {
        return $place->is_site() ? 'local/aisidecar:usesite' : 'local/aisidecar:use';
    }

    /**
     * Returns whether the site does not offer the assistant in activities of this kind.
     *
     * @param place $place
     * @param string $excluded Names of activities, with commas between them.
     * @return bool
     */
    private static function is_excluded(place $place, string $excluded): bool {
        $names = explode(',', $excluded);
        [, $cm] = get_course_and_cm_from_cmid($place->cmid);
        return in_array($cm->modname, $names, true);
    }

    /**
     * Returns what core's switches of the activity say no to, which Moodle has from 5.1 on.
     *
     * @param place $place
     * @return string[]
     */
    private static function switched_off(place $place): array {
        if ($place->cmid === null || !method_exists(manager::class, 'get_ai_fields_from_course_module')) {
            return [];
        }
        $fields = manager::get_ai_fields_from_course_module($place->cmid);
        if ($fields->enableaitools !== null && !$fields->enableaitools) {
            return self::ACTIONS;
        }
        // Core lists the actions of its own placements only: what is not in the list, nobody has switched off.
        $switches = json_decode((string) $fields->enabledaiactions, true);
        return array_keys(array_filter(
            self::CORE_ACTIONS,
            static fn(string $name): bool => is_array($switches) && !($switches[$name] ?? true),
        ));
    }
}
