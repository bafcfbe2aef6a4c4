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
 * What is said in place of an answer, or below one that is not whole: the reason, and a way on.
 *
 * @module     local_aisidecar/notice
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import {getString} from 'core/str';

/** Whoever has to wait longer than this is told when in the message, and needs no seconds. */
const LONGEST_COUNTDOWN_S = 600;

/**
 * Count down until the button may be used.
 *
 * @param {HTMLButtonElement} button
 * @param {HTMLElement} label
 * @param {number} seconds
 */
const countDown = async(button, label, seconds) => {
    const words = label.textContent;
    const end = Date.now() + seconds * 1000;
    button.disabled = true;
    const tick = async() => {
        const left = Math.ceil((end - Date.now()) / 1000);
        if (left <= 0 || !button.isConnected) {
            button.disabled = false;
            label.textContent = words;
            return;
        }
        label.textContent = await getString('tryagainin', 'local_aisidecar', left);
        setTimeout(tick, 1000);
    };
    await tick();
};

/**
 * Fill a notice that was made from its template.
 *
 * @param {HTMLElement} element
 * @param {object} notice
 * @param {string} notice.message
 * @param {number|null} [notice.retryafter] Seconds.
 * @param {boolean} [notice.canretry]
 * @param {string} [notice.button] What the button says, where it is not "Try again".
 * @param {boolean} [notice.calm] It is no failure, such as a stop that was asked for.
 * @param {function} onRetry
 */
export const fillNotice = (element, notice, onRetry) => {
    element.classList.add(...notice.calm ? ['local_aisidecar-calm'] : ['alert', 'alert-warning']);
    element.querySelector('[data-region="message"]').textContent = notice.message;
    const button = element.querySelector('[data-action="retry"]');
    const label = button.querySelector('[data-region="label"]');
    button.hidden = !notice.canretry;
    // Not once: a click that comes too early does nothing, and the next one is to be heard.
    button.addEventListener('click', onRetry);
    if (notice.button) {
        label.textContent = notice.button;
    }
    if (notice.canretry && notice.retryafter > 0 && notice.retryafter <= LONGEST_COUNTDOWN_S) {
        countDown(button, label, notice.retryafter);
    }
};
