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

/**
 * Tells the user's other tabs that a conversation has changed, so that two of them do not show two states of it.
 *
 * @module     local_aisidecar/othertabs
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

export default class OtherTabs {
    /**
     * @param {number} userid
     * @param {function} onChange Called with the conversation's id.
     */
    constructor(userid, onChange) {
        this.channel = 'BroadcastChannel' in window ? new BroadcastChannel(`local_aisidecar/${userid}`) : null;
        this.channel?.addEventListener('message', event => onChange(event.data));
    }

    /**
     * Say that it has changed.
     *
     * @param {number} conversationid
     */
    tell(conversationid) {
        this.channel?.postMessage(conversationid);
    }
}
