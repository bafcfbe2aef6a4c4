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
 * Copies a text, and says so.
 *
 * core/copy_to_clipboard copies what is seen; here it is what the model has written, so that mathematics and code stay whole.
 *
 * @module     local_aisidecar/clipboard
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import {getString} from 'core/str';
import {add as addToast} from 'core/toast';

/**
 * The old way, for a site without TLS: there the new one does not exist.
 *
 * @param {string} text
 * @returns {boolean}
 */
const copyBySelection = text => {
    const focused = document.activeElement;
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'sr-only visually-hidden';
    (focused?.parentElement ?? document.body).append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    focused?.focus();
    return copied;
};

const write = async text => {
    if (!navigator.clipboard) {
        return copyBySelection(text);
    }
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch (error) {
        return copyBySelection(text);
    }
};

/**
 * Copy a text.
 *
 * @param {string} text
 * @returns {Promise<void>}
 */
export const copy = async text => {
    const copied = await write(text);
    const message = await getString(copied ? 'textcopiedtoclipboard' : 'unabletocopytoclipboard', 'core');
    await addToast(message, copied ? {} : {type: 'warning'});
};
