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
 * The conversation as it is seen. Every part is a copy of a template that came with the page, so that nothing has to be fetched
 * before a message is there.
 *
 * @module     local_aisidecar/view
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import Bubble from './bubble';
import {copy} from './clipboard';
import {fillNotice} from './notice';

/** So near to its end, the reader follows the text. */
const AT_END_PX = 48;

/** Of a longer question only the beginning is shown at first, in characters. */
const LONG_QUESTION = 800;

/** So much is shown of it, and of a text to be summarized or analyzed. */
const LONG_TEXT = 160;

export default class View {
    /**
     * @param {HTMLElement} root
     * @param {object} actions
     * @param {function} actions.regenerate Called with the answer's message.
     */
    constructor(root, actions) {
        const part = name => root.querySelector(`[data-region="${name}"]`);
        this.root = root;
        this.actions = actions;
        this.scroller = part('scroller');
        this.log = part('log');
        this.welcome = part('welcome');
        this.loading = part('loading');
        this.status = part('status');
        this.refusal = part('refusal');
        this.latest = root.querySelector('[data-action="latest"]');
        this.latest.addEventListener('click', () => this.scrollToEnd());
        this.scroller.addEventListener('scroll', () => this.#offerLatest(), {passive: true});
    }

    /**
     * Show these messages and no others.
     *
     * @param {object[]} messages
     * @returns {Map<number, Bubble>} The answers, by the ids of their messages.
     */
    showMessages(messages) {
        this.log.replaceChildren();
        this.clearRefusal();
        const bubbles = this.#add(messages);
        this.setWelcome(messages.length === 0);
        this.scrollToEnd();
        return bubbles;
    }

    /**
     * Show these messages before those that are there, and leave the reader where he is.
     *
     * @param {object[]} messages
     */
    showEarlier(messages) {
        const below = this.scroller.scrollHeight - this.scroller.scrollTop;
        const shown = [...this.log.children];
        this.#add(messages);
        this.log.append(...shown);
        this.scroller.scrollTop = this.scroller.scrollHeight - below;
    }

    #add(messages) {
        const bubbles = new Map();
        for (const message of messages) {
            if (message.role === 'user') {
                this.addQuestion(message.action, message.truncated ? `${message.text} …` : message.text);
            } else {
                bubbles.set(message.id, this.addAnswer());
                if (message.status !== 'running') {
                    this.finish(bubbles.get(message.id), message);
                }
            }
        }
        return bubbles;
    }

    /**
     * Add what the user has said, or the text that something was to be done with.
     *
     * @param {string} action
     * @param {string} text
     * @returns {HTMLElement}
     */
    addQuestion(action, text) {
        const element = this.#copy('question');
        for (const label of element.querySelectorAll('[data-for]')) {
            label.hidden = label.dataset.for !== action;
        }
        const isLong = text.length > (action === 'chat' ? LONG_QUESTION : LONG_TEXT);
        const beginning = action === 'chat' ? text : text.replace(/[#|\s]+/g, ' ').trim();
        element.querySelector('[data-region="beginning"]').textContent = isLong
            ? `${beginning.slice(0, LONG_TEXT).trimEnd()} …`
            : beginning;
        if (isLong) {
            element.querySelector('[data-region="text"]').textContent = text;
        } else {
            element.querySelector('details').remove();
        }
        this.setWelcome(false);
        this.log.append(element);
        return element;
    }

    /**
     * Add an empty answer.
     *
     * @param {HTMLElement|null} [question] Behind this one; otherwise at the end.
     * @returns {Bubble}
     */
    addAnswer(question = null) {
        const element = this.#copy('answer');
        if (question) {
            question.after(element);
        } else {
            this.log.append(element);
        }
        return new Bubble(element, change => this.#keepAtEnd(change));
    }

    /**
     * Take the last message away, for another one in its place.
     *
     * @returns {HTMLElement}
     */
    takeLast() {
        const element = this.log.lastElementChild;
        element.remove();
        return element;
    }

    /**
     * Show an answer as the server gives it, with what is to be said of it.
     *
     * @param {Bubble} bubble
     * @param {object} message
     */
    finish(bubble, message) {
        bubble.finish(message);
        const {element} = bubble;
        element.querySelector('[data-action="copy"]').addEventListener('click', () => copy(message.text));
        element.querySelector('[data-action="regenerate"]').addEventListener('click', () => this.actions.regenerate(message));
        if (message.notice) {
            const calm = message.status === 'stopped' || message.status === 'complete';
            // Below a text there is a button for that already.
            const canretry = message.notice.canretry && !(calm && message.text !== '');
            this.addNotice(element, {...message.notice, calm, canretry}, () => this.actions.regenerate(message));
        }
    }

    /**
     * Say something below a message.
     *
     * @param {HTMLElement} element
     * @param {object} notice As for fillNotice.
     * @param {function} onRetry
     * @returns {HTMLElement}
     */
    addNotice(element, notice, onRetry) {
        const box = this.#copy('notice');
        this.#keepAtEnd(() => {
            element.append(box);
            fillNotice(box, notice, onRetry);
        });
        return box;
    }

    /**
     * Say below all messages why nothing was done. It is none of them: the last answer stays the last one.
     *
     * @param {object} notice As for fillNotice.
     * @param {function} onRetry
     */
    showRefusal(notice, onRetry) {
        this.clearRefusal();
        this.addNotice(this.refusal, notice, onRetry);
    }

    clearRefusal() {
        this.refusal.replaceChildren();
    }

    /**
     * Whether an answer is being written. The log says so, that it is not read out before its end.
     *
     * @param {boolean} busy
     */
    setBusy(busy) {
        this.log.setAttribute('aria-busy', String(busy));
    }

    setWelcome(shown) {
        this.welcome.hidden = !shown;
        this.loading.hidden = true;
    }

    showLoading() {
        this.log.replaceChildren();
        this.clearRefusal();
        this.welcome.hidden = true;
        this.loading.hidden = false;
    }

    /**
     * Say something to those who do not see the screen.
     *
     * @param {string} words
     */
    announce(words) {
        this.status.textContent = words;
    }

    scrollToEnd() {
        this.scroller.scrollTop = this.scroller.scrollHeight;
    }

    #copy(name) {
        return this.root.querySelector(`template[data-template="${name}"]`).content.firstElementChild.cloneNode(true);
    }

    #isAtEnd() {
        return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < AT_END_PX;
    }

    /**
     * Make a change, and follow it where the reader was at the end. Who has scrolled back is left in peace.
     *
     * @param {function} change
     */
    #keepAtEnd(change) {
        const follow = this.#isAtEnd();
        change();
        if (follow) {
            this.scrollToEnd();
        }
        this.#offerLatest();
    }

    #offerLatest() {
        this.latest.hidden = this.#isAtEnd();
    }
}
