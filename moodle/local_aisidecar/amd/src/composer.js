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
 * Where the user writes. What was typed is kept by the tab until the server has it, over reloads and failures.
 *
 * @module     local_aisidecar/composer
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import {getString} from 'core/str';
import {countExcess} from './excess';

/** The key code that browsers give while a word is being composed, also where they say nothing else of it (Safari). */
const COMPOSING = 229;

export default class Composer {
    #busy = false;
    #excess = 0;

    /**
     * @param {HTMLElement} root
     * @param {TabStorage} storage
     * @param {object} options
     * @param {number} options.maxlength Characters; 0: no limit.
     * @param {function} options.onSend Called with the text.
     * @param {function} options.onStop
     */
    constructor(root, storage, {maxlength, onSend, onStop}) {
        this.form = root.querySelector('[data-region="composer"]');
        this.input = this.form.querySelector('textarea');
        this.sendButton = this.form.querySelector('[data-action="send"]');
        this.stopButton = this.form.querySelector('[data-action="stop"]');
        this.storage = storage;
        this.onSend = onSend;
        this.maxlength = maxlength;
        this.tooLong = this.form.querySelector('[data-region="toolong"]');
        this.input.addEventListener('input', () => this.#changed());
        this.input.addEventListener('keydown', event => this.#key(event));
        this.form.addEventListener('submit', event => {
            event.preventDefault();
            this.#send();
        });
        this.stopButton.addEventListener('click', onStop);
        // Who types faster than this was loaded has written already.
        this.restore(storage.get('draft') ?? '');
    }

    /**
     * Whether an answer is on its way: then there is Stop instead of Send. Writing goes on.
     *
     * @param {boolean} busy
     */
    setBusy(busy) {
        // A button that goes takes the focus with it.
        const focused = document.activeElement === this.sendButton || document.activeElement === this.stopButton;
        this.#busy = busy;
        this.sendButton.hidden = busy;
        this.stopButton.hidden = !busy;
        this.stopButton.disabled = false;
        if (focused) {
            (busy ? this.stopButton : this.input).focus();
        }
    }

    /**
     * Stop was pressed, and is on its way.
     */
    setStopping() {
        this.stopButton.disabled = true;
        this.input.focus();
    }

    /**
     * Give a text back, before what was typed since.
     *
     * @param {string} text
     */
    restore(text) {
        this.input.value = [text, this.input.value].filter(part => part !== '').join('\n');
        this.#changed();
    }

    focus() {
        this.input.focus();
    }

    /**
     * Take out a text that has become a message. What was typed behind it meanwhile stays.
     *
     * @param {string} text
     */
    take(text) {
        const written = this.input.value.trimStart();
        if (written.startsWith(text)) {
            this.input.value = written.slice(text.length).trimStart();
            this.#changed();
        }
    }

    #send() {
        if (!this.sendButton.disabled && !this.#busy) {
            this.onSend(this.input.value.trim());
        }
    }

    #key(event) {
        if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== COMPOSING) {
            event.preventDefault();
            this.#send();
        }
    }

    #changed() {
        this.storage.set('draft', this.input.value);
        const excess = countExcess(this.input.value, this.maxlength);
        this.sendButton.disabled = this.input.value.trim() === '' || excess > 0;
        this.#tellExcess(excess);
        // As high as the text; styles.css has the limit.
        this.input.style.height = 'auto';
        this.input.style.height = `${this.input.scrollHeight + this.input.offsetHeight - this.input.clientHeight}px`;
    }

    async #tellExcess(excess) {
        this.#excess = excess;
        const words = excess > 0 ? await getString('toolong', 'local_aisidecar', excess.toLocaleString()) : '';
        if (excess === this.#excess) {
            this.tooLong.textContent = words;
        }
    }
}
