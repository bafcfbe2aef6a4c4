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
 * One answer as it is seen: waiting, being written, finished.
 *
 * What the model writes is set by textContent while it comes. The only markup that is ever put in is what the server has rendered
 * and cleaned.
 *
 * @module     local_aisidecar/bubble
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import Templates from 'core/templates';

export default class Bubble {
    /** Whether the server has begun it. */
    started = false;

    #coming = '';
    #frame = 0;
    #textNode = null;

    /**
     * @param {HTMLElement} element Made from the template of an answer.
     * @param {function} around Called with each change of the height, to do it: (change) => void
     */
    constructor(element, around) {
        this.element = element;
        this.around = around;
        this.text = this.#part('text');
        this.waiting = this.#part('waiting');
    }

    #part(name) {
        return this.element.querySelector(`[data-region="${name}"]`);
    }

    /**
     * Say what is done meanwhile.
     *
     * @param {string} words
     */
    say(words) {
        this.around(() => {
            this.#part('progress').textContent = words;
        });
    }

    getWords() {
        return this.#part('progress').textContent;
    }

    /**
     * Whether the network is there. Where it is not, it is said below what has come.
     *
     * @param {boolean} connected
     */
    setConnected(connected) {
        this.#part('offline').hidden = connected;
    }

    /**
     * Nothing more comes, and the end is not known.
     */
    pause() {
        this.setConnected(true);
        this.waiting.hidden = true;
    }

    /**
     * Write a piece of the text. Pieces that come faster than the screen is drawn are written at once.
     *
     * @param {string} piece
     */
    write(piece) {
        this.#coming += piece;
        this.#frame = this.#frame || requestAnimationFrame(() => this.#draw());
    }

    #draw() {
        this.#frame = 0;
        this.around(() => {
            if (!this.#textNode) {
                this.#textNode = document.createTextNode('');
                this.text.replaceChildren(this.#textNode);
                this.text.classList.add('local_aisidecar-plain');
                // The log announces what is added to it. Not every word: the answer is announced when it is whole.
                this.text.setAttribute('aria-live', 'off');
            }
            this.waiting.hidden = true;
            this.#textNode.appendData(this.#coming);
            this.#coming = '';
        });
    }

    /**
     * Show the answer as the server gives it.
     *
     * @param {object} message
     */
    finish(message) {
        cancelAnimationFrame(this.#frame);
        this.#frame = 0;
        this.#coming = '';
        this.element.dataset.status = message.status;
        this.around(() => {
            this.pause();
            this.text.classList.remove('local_aisidecar-plain');
            this.text.removeAttribute('aria-live');
            // Tells the filters, too: MathJax and whatever else the site has. They look within what is new, hence the div.
            Templates.replaceNodeContents(this.text, `<div>${message.html}</div>`, '');
            this.#makeScrollable();
            // Programs are read from left to right in every language.
            this.text.querySelectorAll('code').forEach(code => code.setAttribute('dir', 'ltr'));
            this.#part('actions').hidden = message.text === '';
        });
    }

    /**
     * What is broader than the drawer is scrolled in its own box, by keyboard, too.
     */
    #makeScrollable() {
        for (const broad of this.text.querySelectorAll('pre, table')) {
            const box = document.createElement('div');
            box.className = 'local_aisidecar-broad';
            box.tabIndex = 0;
            if (broad.nodeName === 'PRE') {
                box.classList.add('local_aisidecar-code');
                box.dir = 'ltr';
            }
            broad.replaceWith(box);
            box.append(broad);
        }
    }
}
