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
 * One question and its answer, from sending to the end.
 *
 * Everything that asks carries a key, and everything after it only reads. So whatever is lost on the way, the answer is paid once.
 *
 * @module     local_aisidecar/turn
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import {Left, readAnswer} from './reading';

/** Before a call that got no answer is sent again. Those who fail after that are told, and may try again by hand. */
const WAITS_MS = [500, 2000, 5000];

/** The server says that the answer is still running, although the reading came to its end. */
const STILL_RUNNING_MS = 1000;

export default class Turn {
    #abort = new AbortController();
    #answer = null;
    #stopped = null;
    #stopWanted = false;

    /**
     * @param {object} ports As those of local_aisidecar/ports.
     * @param {object} listener As for readAnswer, and:
     * @param {function} listener.onStarted Called with what start has given.
     * @param {function} [listener.limit] Gives the way to begin with, by the one that the server says.
     */
    constructor(ports, listener) {
        this.ports = {...ports, signal: this.#abort.signal};
        this.listener = listener;
    }

    /**
     * Ask, and read the answer.
     *
     * @param {object} request What start takes.
     * @returns {Promise<object>} The message at its end.
     * @throws {object} What start was refused with (it has an errorcode), or a TypeError: no answer, whatever was tried.
     */
    async ask(request) {
        const started = await this.#insist(() => this.ports.start(request));
        this.#stay();
        this.listener.onStarted(started);
        return this.follow(started.answer.id, started, started.answer);
    }

    /**
     * Read an answer that has been asked for.
     *
     * @param {number} messageid
     * @param {object} way
     * @param {string} way.delivery
     * @param {string} way.streamurl
     * @param {object} [answer] Its message, as far as it is known.
     * @returns {Promise<object>} The message at its end.
     */
    async follow(messageid, {delivery, streamurl}, answer = {status: 'running'}) {
        this.#answer = messageid;
        if (answer.status !== 'running') {
            return answer;
        }
        if (this.#stopWanted) {
            this.stop();
        }
        const position = {messageid, delivery: this.listener.limit?.(delivery) ?? delivery, streamurl, after: 0};
        try {
            for (;;) {
                await this.#read(position);
                if (this.#stopped) {
                    return await this.#stopped;
                }
                const message = await this.#insist(() => this.ports.finish(messageid));
                this.#stay();
                if (message.status !== 'running') {
                    return message;
                }
                position.delivery = 'poll';
                await this.ports.wait(STILL_RUNNING_MS, this.#abort.signal);
            }
        } catch (error) {
            if (error instanceof Left && this.#stopped) {
                return this.#stopped;
            }
            throw error;
        }
    }

    /**
     * Read as far as the server lets it be read. What is hidden or switched off meanwhile, it still finishes.
     *
     * @param {object} position
     */
    async #read(position) {
        try {
            await readAnswer(position, this.listener, this.ports);
        } catch (error) {
            if (!error?.errorcode) {
                throw error;
            }
        }
    }

    /**
     * End the answer here and at the model. What was written until then stays.
     *
     * @returns {Promise<void>} Fulfilled when the server has it; rejected where it cannot be reached.
     */
    async stop() {
        this.#stopWanted = true;
        if (!this.#answer || this.#stopped) {
            return;
        }
        const stopped = this.#insist(() => this.ports.stop(this.#answer));
        this.#stopped = stopped;
        try {
            await stopped;
        } catch (error) {
            // It runs on, so it is read on.
            this.#stopped = null;
            this.#stopWanted = false;
            throw error;
        }
        this.#abort.abort();
    }

    /**
     * Go away from the answer. It is written on, and the server keeps it.
     */
    leave() {
        this.#abort.abort();
    }

    #stay() {
        if (this.#abort.signal.aborted) {
            throw new Left();
        }
    }

    /**
     * Call until there is an answer, of whichever kind.
     *
     * @param {function} action One that may be done twice.
     * @returns {Promise<*>}
     */
    async #insist(action) {
        for (const milliseconds of WAITS_MS) {
            try {
                const answer = await action();
                this.listener.onConnection?.(true);
                return answer;
            } catch (error) {
                if (error?.errorcode) {
                    throw error;
                }
            }
            this.listener.onConnection?.(false);
            await this.ports.wait(milliseconds);
        }
        return action();
    }
}
