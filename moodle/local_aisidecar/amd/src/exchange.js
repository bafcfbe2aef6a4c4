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
 * The answer that is on its way, as it is shown. At most one at a time.
 *
 * @module     local_aisidecar/exchange
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import {getString} from 'core/str';
import Turn from './turn';
import {StepDown} from './stepdown';
import {Left} from './reading';
import {ports} from './ports';
import {explain, wordsOf} from './words';

const COMPONENT = 'local_aisidecar';

/** When the user is told that it is still being worked on. */
const STILL_THINKING_MS = 15000;

export default class Exchange {
    #turn = null;

    /**
     * @param {View} view
     * @param {Composer} composer
     * @param {TabStorage} storage
     * @param {object} listener
     * @param {function} listener.onStarted Called with what start has given, and the request.
     * @param {function} listener.onEnded Called when an answer is there.
     * @param {function} listener.onLookAgain Called where somebody wants to see what became of a lost one.
     */
    constructor(view, composer, storage, listener) {
        this.view = view;
        this.composer = composer;
        this.storage = storage;
        this.listener = listener;
        this.stepDown = new StepDown(storage);
    }

    isBusy() {
        return this.#turn !== null;
    }

    /**
     * Ask, and show what comes.
     *
     * @param {Bubble} bubble
     * @param {object} request What start takes.
     * @returns {Promise<object|null>} Why it was not even begun, or null.
     */
    ask(bubble, request) {
        return this.#run(bubble, turn => turn.ask(request), request);
    }

    /**
     * Show how an answer goes on that was asked for earlier.
     *
     * @param {Bubble} bubble
     * @param {number} messageid
     * @param {object} way delivery, streamurl
     * @returns {Promise<null>}
     */
    follow(bubble, messageid, way) {
        bubble.started = true;
        return this.#run(bubble, turn => turn.follow(messageid, way));
    }

    /**
     * Go away from the answer. It is written on.
     */
    leave() {
        this.#turn?.leave();
        this.#setTurn(null);
    }

    /**
     * End the answer.
     */
    async stop() {
        this.composer.setStopping();
        try {
            await this.#turn?.stop();
        } catch (error) {
            this.composer.setBusy(this.isBusy());
            this.view.announce(await explain(error));
        }
    }

    #setTurn(turn) {
        this.#turn = turn;
        this.composer.setBusy(turn !== null);
        this.view.setBusy(turn !== null);
        this.storage.set('running', turn !== null);
    }

    async #run(bubble, action, request = null) {
        const turn = new Turn(ports, this.#reader(bubble, request));
        this.#setTurn(turn);
        this.view.announce(bubble.getWords());
        const still = setTimeout(async() => bubble.say(await getString('stillthinking', COMPONENT)), STILL_THINKING_MS);
        try {
            await this.#ended(turn, bubble, await action(turn));
        } catch (error) {
            if (error instanceof Left) {
                return null;
            }
            if (!bubble.started) {
                return error;
            }
            bubble.pause();
            const notice = {
                message: await explain(error, 'connectionlost'),
                button: await getString('lookagain', COMPONENT),
                canretry: true,
            };
            this.view.addNotice(bubble.element, notice, this.listener.onLookAgain);
        } finally {
            clearTimeout(still);
            this.#done(turn);
        }
        return null;
    }

    #done(turn) {
        if (this.#turn === turn) {
            this.#setTurn(null);
        }
    }

    #reader(bubble, request) {
        return {
            onStarted: started => {
                bubble.started = true;
                this.listener.onStarted(started, request);
            },
            onText: text => bubble.write(text),
            onProgress: async progress => bubble.say(await wordsOf(progress)),
            onConnection: there => bubble.setConnected(there),
            onStep: (...step) => this.stepDown.note(...step),
            limit: delivery => this.stepDown.limit(delivery),
        };
    }

    async #ended(turn, bubble, message) {
        // Before the answer is put in: the log announces what comes while nothing is busy.
        this.#done(turn);
        this.view.finish(bubble, message);
        this.listener.onEnded();
        this.view.announce(await getString(message.status === 'complete' ? 'answercomplete' : 'answerended', COMPONENT));
    }
}
