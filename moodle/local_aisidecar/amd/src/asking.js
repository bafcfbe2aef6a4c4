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
 * A question goes out, and nothing that was typed is lost: what is refused goes back to where it was written, and what may have
 * arrived can be sent again as the same.
 *
 * @module     local_aisidecar/asking
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import {getString} from 'core/str';
import {newKey} from './key';
import {explain} from './words';

export default class Asking {
    /**
     * @param {object} parts view, composer, material, exchange, outbox
     * @param {object} config As PHP gives it to drawer.init.
     * @param {object} assistant
     * @param {function} assistant.getVisit Gives what is shown: {conversationid}, another object after each change of it.
     * @param {function} assistant.consent Asks for the policy; gives a promise of whether it was accepted.
     */
    constructor(parts, config, assistant) {
        this.view = parts.view;
        this.composer = parts.composer;
        this.material = parts.material;
        this.exchange = parts.exchange;
        this.outbox = parts.outbox;
        this.contextid = config.contextid;
        this.retryable = new Set(config.retryable.map(code => `error_${code}`));
        this.getVisit = assistant.getVisit;
        this.consent = assistant.consent;
    }

    /**
     * Send what was written or chosen.
     *
     * @param {string} action
     * @param {string} content
     */
    send(action, content) {
        if (this.exchange.isBusy()) {
            return;
        }
        if (action === 'chat') {
            this.composer.take(content);
        } else {
            this.material.close();
        }
        this.composer.focus();
        this.#ask({action, content, replaces: 0}, this.view.addQuestion(action, content));
    }

    /**
     * Ask for another answer in the place of the last one.
     *
     * @param {object} answer Its message.
     * @param {number} answer.id
     * @param {string} answer.action
     */
    regenerate({id, action}) {
        if (!this.exchange.isBusy()) {
            this.composer.focus();
            this.#ask({action: action || 'chat', content: '', replaces: id}, null);
        }
    }

    /**
     * Show what was sent in this conversation and is not among its messages, to be sent again.
     *
     * @param {object[]} messages
     */
    async offerMissing(messages) {
        const visit = this.getVisit();
        const missing = this.outbox.missing(visit.conversationid, messages);
        const message = await getString('notsent', 'local_aisidecar');
        if (visit === this.getVisit()) {
            missing.forEach(request => this.#offerAgain(
                this.view.addQuestion(request.action, request.content), message, request));
        }
    }

    /**
     * Ask, and see to it that nothing is lost where nobody takes it.
     *
     * @param {object} wish action, content, replaces; where it was sent before, also its key
     * @param {HTMLElement|null} question Where it is shown; null: the question is there already.
     */
    async #ask(wish, question) {
        const visit = this.getVisit();
        const {contextid} = this;
        const request = {key: newKey(), ...wish, conversationid: visit.conversationid, contextid};
        this.outbox.add(request);
        this.view.clearRefusal();
        const replaced = request.replaces ? this.view.takeLast() : null;
        const bubble = this.view.addAnswer(question);
        this.view.scrollToEnd();
        const refusal = await this.exchange.ask(bubble, request);
        if (refusal && visit === this.getVisit()) {
            bubble.element.remove();
            this.view.log.append(...replaced ? [replaced] : []);
            await this.#refused(refusal, request, question);
        }
    }

    /**
     * Nothing was begun: say why, and lose nothing that was typed.
     *
     * @param {object} error
     * @param {object} request
     * @param {HTMLElement|null} question
     */
    async #refused(error, request, question) {
        if (!error.errorcode || this.retryable.has(error.errorcode)) {
            // With the same key: it may have arrived.
            this.#offerAgain(question ?? this.view.log.lastElementChild, await explain(error), request);
            return;
        }
        this.outbox.remove(request.key);
        const isPolicy = error.errorcode === 'error_policynotaccepted';
        if (isPolicy && await this.consent()) {
            await this.#ask(request, question);
            return;
        }
        question?.remove();
        if (request.action === 'chat') {
            this.composer.restore(request.content);
        } else if (request.content) {
            this.material.restore(request.action, request.content);
        }
        if (!isPolicy) {
            this.view.showRefusal({message: error.message, canretry: false}, () => null);
        }
    }

    #offerAgain(place, message, request) {
        const box = this.view.addNotice(place, {message, canretry: true}, () => {
            if (!this.exchange.isBusy()) {
                box.remove();
                this.#ask(request, place.matches('[data-region="question"]') ? place : null);
            }
        });
    }
}
