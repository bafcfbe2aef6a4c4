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
 * What comes after a delivery that does not work, and for how long a tab remembers that it did not: else each answer would wait
 * anew for a stream that something keeps back.
 *
 * @module     local_aisidecar/stepdown
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import {REFUSED, SILENT} from './stream';

/** What comes after which. */
export const STEP_DOWN = {handover: 'relay', proxy: 'relay', relay: 'poll'};

/** For so long the better way is not tried again: it may have been the network, and networks change. */
export const REMEMBERED_MS = 10 * 60 * 1000;

/** All places are taken, or the sidecar is not there: that passes. */
const UNAVAILABLE = 503;

const NAME = 'stepdown';

const isBelow = (delivery, other) => other in STEP_DOWN
    && (STEP_DOWN[other] === delivery || isBelow(delivery, STEP_DOWN[other]));

export class StepDown {
    /**
     * @param {TabStorage} storage
     * @param {function} [now] The time in milliseconds.
     */
    constructor(storage, now = Date.now) {
        this.storage = storage;
        this.now = now;
    }

    /**
     * Remember that another way had to be taken, unless for something that passes.
     *
     * @param {string} delivery The other way.
     * @param {string} outcome Of the stream that did not work.
     * @param {number} status Its status of HTTP.
     */
    note(delivery, outcome, status) {
        if (outcome === SILENT || (outcome === REFUSED && status !== UNAVAILABLE)) {
            this.storage.set(NAME, {delivery, until: this.now() + REMEMBERED_MS});
        }
    }

    /**
     * The way to begin with.
     *
     * @param {string} delivery What the server says.
     * @returns {string}
     */
    limit(delivery) {
        const noted = this.storage.get(NAME);
        return noted && this.now() < noted.until && isBelow(noted.delivery, delivery) ? noted.delivery : delivery;
    }
}
