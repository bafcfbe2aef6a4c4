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
 * What this tab remembers over its pages: whether the drawer is open, which conversation it shows, what was typed and not sent.
 *
 * @module     local_aisidecar/storage
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

const PREFIX = 'local_aisidecar/';

export default class TabStorage {
    /**
     * @param {number} userid Whose it is; what another user of this tab has left is removed.
     * @param {Storage} storage
     */
    constructor(userid, storage) {
        this.prefix = `${PREFIX}${userid}/`;
        this.storage = storage;
        this.#attempt(() => {
            const foreign = key => key.startsWith(PREFIX) && !key.startsWith(this.prefix);
            Object.keys(storage).filter(foreign).forEach(key => storage.removeItem(key));
        });
    }

    /**
     * What is kept by this name, or null.
     *
     * @param {string} name
     * @returns {*}
     */
    get(name) {
        return this.#attempt(() => JSON.parse(this.storage.getItem(this.prefix + name))) ?? null;
    }

    /**
     * Keep a value; null, false and '' are as good as nothing.
     *
     * @param {string} name
     * @param {*} value
     */
    set(name, value) {
        this.#attempt(() => {
            if (value) {
                this.storage.setItem(this.prefix + name, JSON.stringify(value));
            } else {
                this.storage.removeItem(this.prefix + name);
            }
        });
    }

    /**
     * Do without where the browser allows no storage, or has no room.
     *
     * @param {function} action
     * @returns {*}
     */
    #attempt(action) {
        try {
            return action();
        } catch (error) {
            return undefined;
        }
    }
}
