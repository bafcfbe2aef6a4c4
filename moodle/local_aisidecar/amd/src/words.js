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
 * @param {{stage: string, done: number, total: number}} progress
 * @returns {Promise<string>}
 */
export const wordsOf = async progress => {
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
