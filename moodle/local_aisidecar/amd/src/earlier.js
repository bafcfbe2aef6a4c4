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
 * The button above the messages, where a conversation has more of them than were loaded.
 *
 * @module     local_aisidecar/earlier
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import {explain} from './words';

export default class Earlier {
    #first = 0;

    /**
     * @param {HTMLElement} root
     * @param {View} view
     * @param {function} load Called with the first message that is there; gives what stands before it, or null: too late.
     */
    constructor(root, view, load) {
        this.button = root.querySelector('[data-action="earlier"]');
        this.view = view;
        this.load = load;
        this.button.addEventListener('click', () => this.#show());
    }

    /**
     * Offer what stands before these messages.
     *
     * @param {object[]} messages
     * @param {boolean} areThere Whether anything does.
     */
    offer(messages, areThere) {
        this.#first = messages[0]?.id ?? 0;
        this.button.hidden = !areThere;
    }

    async #show() {
        this.button.disabled = true;
        try {
            const found = await this.load(this.#first);
            if (found) {
                this.view.showEarlier(found.messages);
                this.offer(found.messages, found.earlier);
            }
        } catch (error) {
            this.view.announce(await explain(error));
        } finally {
            this.button.disabled = false;
        }
    }
}
