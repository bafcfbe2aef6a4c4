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
 * What was sent, and never confirmed. It may have arrived or not; its key tells, when it is sent again.
 *
 * @module     local_aisidecar/outbox
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

export default class Outbox {
    /**
     * @param {TabStorage} storage
     * @param {number} courseid Conversations are those of a course.
     */
    constructor(storage, courseid) {
        this.storage = storage;
        this.name = `outbox/${courseid}`;
    }

    #all() {
        return this.storage.get(this.name) ?? [];
    }

    /**
     * Keep a request until it is confirmed.
     *
     * @param {object} request With a key.
     */
    add(request) {
        this.remove(request.key);
        this.storage.set(this.name, [...this.#all(), request]);
    }

    remove(key) {
        const left = this.#all().filter(request => request.key !== key);
        this.storage.set(this.name, left.length > 0 ? left : null);
    }

    /**
     * The requests of a conversation that are not among its messages. Those that are have arrived.
     *
     * @param {number} conversationid
     * @param {object[]} messages
     * @returns {object[]}
     */
    missing(conversationid, messages) {
        const mine = this.#all().filter(request => request.conversationid === conversationid);
        const keys = new Set(messages.map(({key}) => key));
        const isThere = ({key}) => keys.has(key);
        // A second try of an answer needs no second offer: what came of it is seen.
        const isMissing = request => !isThere(request) && request.replaces === 0;
        mine.filter(request => !isMissing(request)).forEach(({key}) => this.remove(key));
        return mine.filter(isMissing);
    }
}
