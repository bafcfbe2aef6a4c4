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
 * The entry: the button, and the drawer behind it. All else is loaded when it is wanted, so that other pages cost next to nothing.
 *
 * @module     local_aisidecar/drawer
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import Notification from 'core/notification';
import Frame from './frame';
import TabStorage from './storage';

/** The page of the history names the conversation that is to be open. */
const NAMED = '[data-region="history"][data-conversationid]';

class Drawer {
    #assistant = null;

    constructor(root, config) {
        this.root = root;
        this.config = config;
        this.storage = new TabStorage(config.userid, window.sessionStorage);
        this.frame = new Frame(root, () => this.storage.set('open', null));
        root.addEventListener('click', event => this.#click(event));
    }

    /**
     * Be as the page wants it, else as this tab was on the page before. A phone's screen would be covered by that, without having
     * been asked for.
     */
    async restore() {
        const wanted = Number(document.querySelector(NAMED)?.dataset.conversationid);
        if (wanted > 0) {
            await this.#open(wanted);
            return;
        }
        if (this.storage.get('open') && !this.frame.isFullScreen()) {
            this.frame.open();
        } else if (!this.storage.get('running')) {
            return;
        }
        await (await this.#load())?.begin();
    }

    #click(event) {
        const action = event.target.closest('[data-action]')?.dataset.action;
        if (action === 'toggle' && !this.frame.isOpen()) {
            this.#open();
        } else if (action === 'toggle' || action === 'close') {
            this.frame.close();
        }
    }

    async #open(conversationid) {
        this.frame.open();
        this.storage.set('open', true);
        this.root.classList.remove('local_aisidecar-news');
        if (!this.frame.isFullScreen()) {
            // On a phone that would bring up the keyboard.
            this.frame.drawer.querySelector('[data-region="composer"] textarea').focus();
        }
        await (await this.#load())?.begin(conversationid);
    }

    /**
     * The assistant, which is made at the first time.
     *
     * @returns {Promise<Assistant|null>} Null: it could not be loaded; that has been said.
     */
    async #load() {
        this.#assistant = this.#assistant ?? this.#make();
        try {
            return await this.#assistant;
        } catch (error) {
            this.#assistant = null;
            await Notification.exception(error);
            return null;
        }
    }

    async #make() {
        const Assistant = await import('local_aisidecar/assistant');
        const assistant = new Assistant(this.root, this.config, {
            storage: this.storage,
            close: () => this.frame.close(),
            onNews: () => this.root.classList.toggle('local_aisidecar-news', !this.frame.isOpen()),
        });
        return assistant;
    }
}

/**
 * Bring the button to life.
 *
 * @param {object} config
 */
export const init = config => {
    const root = document.querySelector('[data-region="local_aisidecar"]');
    if (!root) {
        return;
    }
    // Out of the main region, in which Moodle writes what hooks add: it is no part of the page's text.
    document.body.append(root);
    root.hidden = false;
    new Drawer(root, config).restore();
};
