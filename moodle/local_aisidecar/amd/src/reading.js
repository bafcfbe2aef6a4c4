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
 * Reads a running answer to its end: by the delivery that the server names, and where that fails one step down, from the last
 * piece on. It only ever reads: nothing here can ask (and pay) again.
 *
 * @module     local_aisidecar/reading
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import {STEP_DOWN} from './stepdown';
import {readStream, BROKEN, ENDED, REFUSED, SILENT, UNREACHABLE} from './stream';

/** How often a stream that had begun is taken up again by the same way before another one is tried. */
const MOST_BREAKS = 3;

/** Between two looks at an answer that comes in pieces. */
export const POLL_MS = 1000;

/** How often in a row a look may fail: with the waits between them a minute and a half, as long as a lift takes. */
const MOST_FAILURES = 12;

/** The longest wait between two tries. */
const LONGEST_WAIT_MS = 10000;

const backoff = failures => Math.min(500 * 2 ** failures, LONGEST_WAIT_MS);

/** The reader has gone away: another conversation, another answer. */
export class Left extends Error {}

/** The network is gone, and stays away. The answer may be there all the same. */
export class Unreachable extends Error {}

/**
 * One reading of one answer.
 */
class Reading {
    /**
     * @param {object} answer
     * @param {number} answer.messageid
     * @param {string} answer.delivery handover, proxy, relay or poll
     * @param {string} answer.streamurl
     * @param {number} [answer.after] The last piece that is there already.
     * @param {object} listener
     * @param {function} listener.onText Called with each new piece.
     * @param {function} listener.onProgress Called with the state of the work: {stage, done, total}.
     * @param {function} [listener.onStep] Called with (delivery, outcome, status) where another delivery is tried.
     * @param {function} [listener.onConnection] Called with false where the network is lost, with true where it is back.
     * @param {object} ports
     * @param {function} ports.fetch
     * @param {function} ports.readPiece (messageid, after) => Promise of a piece
     * @param {function} ports.wait (milliseconds, signal) => Promise; may come back earlier, when the network does
     * @param {string} ports.sesskey
     */
    constructor(answer, listener, ports) {
        this.answer = answer;
        this.after = answer.after ?? 0;
        this.delivery = answer.delivery;
        this.listener = listener;
        this.ports = ports;
    }

    /**
     * Read until there is an end. What the end was, the server knows: ask it by finish.
     *
     * @returns {Promise<void>}
     */
    async run() {
        let breaks = 0;
        while (this.delivery in STEP_DOWN) {
            const before = this.after;
            const {outcome, status} = await readStream(this.#request(), event => this.#take(event), this.ports);
            this.#stayOrLeave();
            if (outcome === ENDED) {
                return;
            }
            breaks = this.after > before ? 1 : breaks + 1;
            if (outcome === REFUSED || outcome === SILENT || breaks >= MOST_BREAKS) {
                this.delivery = STEP_DOWN[this.delivery];
                breaks = 0;
                this.listener.onStep?.(this.delivery, outcome, status);
                continue;
            }
            if (outcome === UNREACHABLE) {
                this.listener.onConnection?.(false);
            }
            await this.ports.wait(outcome === BROKEN ? 200 * breaks : backoff(breaks), this.ports.signal);
            this.#stayOrLeave();
        }
        await this.#poll();
    }

    /**
     * What a stream is asked for by.
     *
     * @returns {{url: string, fields: object}}
     */
    #request() {
        const {messageid, streamurl} = this.answer;
        return {
            url: streamurl,
            fields: {messageid, after: this.after, delivery: this.delivery, sesskey: this.ports.sesskey},
        };
    }

    /**
     * Take an event.
     *
     * @param {object} event
     * @returns {boolean} Whether it was the last one.
     */
    #take(event) {
        this.#stayOrLeave();
        this.listener.onConnection?.(true);
        if (event.event === 'delta' && event.seq > this.after) {
            this.after = event.seq;
            this.listener.onText(event.text);
        } else if (event.event === 'progress') {
            this.listener.onProgress(event);
        }
        return event.event === 'done' || event.event === 'error';
    }

    /**
     * Look for new pieces until there is an end.
     */
    async #poll() {
        let failures = 0;
        for (;;) {
            let piece;
            try {
                piece = await this.ports.readPiece(this.answer.messageid, this.after);
            } catch (error) {
                this.#stayOrLeave();
                if (error?.errorcode) {
                    // The server has spoken: no look will be answered otherwise.
                    throw error;
                }
                failures++;
                this.listener.onConnection?.(false);
                if (failures > MOST_FAILURES) {
                    throw new Unreachable();
                }
                await this.ports.wait(backoff(failures), this.ports.signal);
                this.#stayOrLeave();
                continue;
            }
            this.#stayOrLeave();
            failures = 0;
            this.listener.onConnection?.(true);
            this.#takePiece(piece);
            if (piece.status !== 'running') {
                return;
            }
            await this.ports.wait(POLL_MS, this.ports.signal);
            this.#stayOrLeave();
        }
    }

    /**
     * Take what a look has brought.
     *
     * @param {{status: string, after: number, text: string, progress: (object|null)}} piece
     */
    #takePiece(piece) {
        if (piece.text !== '' && piece.after > this.after) {
            this.listener.onText(piece.text);
        } else if (piece.progress) {
            this.listener.onProgress(piece.progress);
        }
        this.after = Math.max(this.after, piece.after);
    }

    /**
     * Go on only while somebody reads.
     */
    #stayOrLeave() {
        if (this.ports.signal?.aborted) {
            throw new Left();
        }
    }
}

/**
 * Read a running answer to its end.
 *
 * @param {object} answer As for Reading.
 * @param {object} listener
 * @param {object} ports
 * @returns {Promise<void>}
 * @throws {Left|Unreachable|object} An object with an errorcode is what the server refused a look with.
 */
export const readAnswer = (answer, listener, ports) => new Reading(answer, listener, ports).run();
