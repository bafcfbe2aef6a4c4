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
 * Measures whether the events of a stream come one by one, or all at once behind something that keeps them back.
 *
 * @module     local_aisidecar/gaps
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import {REFUSED, readStream} from './stream';

/** The test sends five events, one each 200 ms. Where half of the gaps are as long as this, nothing kept them back. */
const LEAST_GAP_MS = 100;

/** Fewer gaps are of events that came together: what keeps them back may have made one of several. */
const LEAST_GAPS = 3;

/** It streams. */
export const STREAMS = 'streams';

/** All came, but not one by one. */
export const HELD = 'held';

/** Not all came. */
export const FAILED = 'failed';

/** It was refused, or is not set up. */
export const ABSENT = 'absent';

/**
 * What the gaps say of events that all came. This alone judges: the server chooses among the ways that are found to stream.
 *
 * @param {number[]} gaps In milliseconds.
 * @returns {string}
 */
const judge = gaps => {
    const middle = [...gaps].sort((one, other) => one - other)[Math.floor(gaps.length / 2)];
    return gaps.length >= LEAST_GAPS && middle >= LEAST_GAP_MS ? STREAMS : HELD;
};

/**
 * Run the test of one way.
 *
 * @param {string} mode
 * @param {string} url
 * @param {function} onGap Called with each gap as it is measured.
 * @param {object} ports As for readStream, and now() and sesskey.
 * @returns {Promise<{mode: string, gaps: number[], verdict: string, status: number, words: string}>}
 */
export const measure = async(mode, url, onGap, ports) => {
    const gaps = [];
    let last = 0;
    let isWhole = false;
    const take = event => {
        if (event.event === 'delta') {
            const now = ports.now();
            if (last > 0) {
                gaps.push(Math.round(now - last));
                onGap(gaps[gaps.length - 1]);
            }
            last = now;
        }
        isWhole = event.event === 'done';
        return isWhole || event.event === 'error';
    };
    const {outcome, status, refusal} = await readStream({url, fields: {mode, sesskey: ports.sesskey}}, take, ports);
    const result = {mode, gaps, status, words: refusal?.cause || refusal?.message || ''};
    if (outcome === REFUSED) {
        return {...result, verdict: ABSENT};
    }
    return {...result, verdict: isWhole && last > 0 ? judge(gaps) : FAILED};
};
