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
 * The words for what happens.
 *
 * @module     local_aisidecar/words
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import {getString} from 'core/str';
import {describeProgress} from './progress';

const COMPONENT = 'local_aisidecar';

/**
 * What to say of the work that comes before the text.
 *
 * @param {object|string} progress Of the stream; words already, where it comes in pieces.
 * @returns {Promise<string>}
 */
export const wordsOf = async progress => {
    if (typeof progress === 'string') {
        return progress;
    }
    const words = describeProgress(progress);
    if (!words) {
        return getString('thinking', COMPONENT);
    }
    const param = words.stage ? {...words.param, stage: await getString(words.stage, COMPONENT)} : words.param;
    return getString(words.key, COMPONENT, param);
};

/**
 * What to say of an error: the server's words, or that it cannot be reached.
 *
 * @param {object} error
 * @param {string} otherwise The string for an error without words.
 * @returns {Promise<string>}
 */
export const explain = async(error, otherwise = 'unreachable') => (
    error.errorcode ? error.message : getString(otherwise, COMPONENT)
);

/** Refusals that pass by themselves. Others need another text, or somebody who changes something. */
const PASSING = new RegExp('^error_(busy|connection_failed|connection_lost|deadline_exceeded|draining|internal|overloaded'
    + '|rate_limited|timeout_\\w+|upstream_(connect|dns|error|protocol|rate_limited))$');

/**
 * Whether the same may be tried again: it was refused for something that passes, or its arrival is not certain.
 *
 * @param {object} error
 * @returns {boolean}
 */
export const isPassing = error => !error.errorcode || PASSING.test(error.errorcode);
