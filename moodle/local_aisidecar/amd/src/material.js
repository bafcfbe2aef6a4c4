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
 * A text that is not a message: the page to be summarized, a passage to be analyzed. It is shown before it is sent, and can be
 * changed.
 *
 * @module     local_aisidecar/material
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import {getString} from 'core/str';
import {countExcess} from './excess';
import {getPageText, getSelectedText} from './pagetext';

/** This page, wherever on it somebody is. */
const HERE = window.location.pathname + window.location.search;

export default class Material {
    #selected = '';

    /**
     * @param {HTMLElement} root
     * @param {TabStorage} storage
     * @param {object} options
     * @param {number} options.maxlength Characters; 0: no limit.
     * @param {function} options.onSend Called with (action, text).
     */
    constructor(root, storage, {maxlength, onSend}) {
        this.panel = root.querySelector('[data-region="material"]');
        this.input = this.panel.querySelector('textarea');
        this.note = this.panel.querySelector('[data-region="note"]');
        this.sendButton = this.panel.querySelector('[data-action="sendmaterial"]');
        this.storage = storage;
        this.maxlength = maxlength;
        this.onSend = onSend;
        root.addEventListener('click', event => this.#click(event));
        this.panel.addEventListener('keydown', event => {
            if (event.key === 'Escape' && !event.isComposing) {
                event.preventDefault();
                this.close();
            }
        });
        this.input.addEventListener('input', () => this.#changed());
        document.addEventListener('selectionchange', () => {
            // The selection is gone as soon as the focus is here.
            this.#selected = getSelectedText() || this.#selected;
        });
        const kept = storage.get('material');
        // The text of another page waits for that page.
        if (kept && (kept.action === 'analyze' || kept.page === HERE)) {
            this.#show(kept.action, kept.text);
        }
    }

    /**
     * Ask what is to be sent.
     *
     * @param {string} action summarize or analyze
     * @param {HTMLElement} [opener] Gets the focus back.
     */
    open(action, opener) {
        this.opener = opener;
        const selected = getSelectedText() || this.#selected;
        const text = action === 'summarize' ? getPageText() : selected;
        this.#show(action, text);
        this.input.focus();
        this.input.setSelectionRange(0, 0);
        this.input.scrollTop = 0;
    }

    /**
     * Give a text back that was refused.
     *
     * @param {string} action
     * @param {string} text
     */
    restore(action, text) {
        this.#show(action, text);
    }

    close() {
        this.panel.hidden = true;
        this.panel.parentElement.classList.remove('local_aisidecar-hasmaterial');
        this.storage.set('material', null);
        this.#selected = '';
        this.opener?.focus();
        this.opener = null;
    }

    #show(action, text) {
        const cut = this.maxlength > 0 && text.length > this.maxlength;
        this.action = action;
        this.wascut = cut;
        this.input.value = cut ? text.slice(0, this.maxlength) : text;
        this.panel.dataset.material = action;
        this.panel.hidden = false;
        this.panel.parentElement.classList.add('local_aisidecar-hasmaterial');
        for (const words of this.panel.querySelectorAll('[data-for]')) {
            words.hidden = words.dataset.for !== action;
        }
        this.#changed();
    }

    async #changed() {
        const text = this.input.value.trim();
        const excess = countExcess(text, this.maxlength);
        this.sendButton.disabled = text === '' || excess > 0;
        this.storage.set('material', {action: this.action, text: this.input.value, page: HERE});
        const key = this.wascut && text.length === this.maxlength ? 'materialcut' : 'materiallength';
        this.note.textContent = excess > 0
            ? await getString('toolong', 'local_aisidecar', excess.toLocaleString())
            : await getString(key, 'local_aisidecar', text.length.toLocaleString());
    }

    #click(event) {
        const button = event.target.closest('button[data-action]');
        switch (button?.dataset.action) {
            case 'summarize':
            case 'analyze':
                this.open(button.dataset.action, button);
                break;
            case 'cancelmaterial':
                this.close();
                break;
            case 'sendmaterial':
                this.onSend(this.action, this.input.value.trim());
                break;
        }
    }
}
