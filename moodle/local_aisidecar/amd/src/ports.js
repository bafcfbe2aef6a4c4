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
 * What a turn needs of the browser and of the server. Tests give others.
 *
 * @module     local_aisidecar/ports
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import {finish, readPiece, start, stop} from './repository';

/**
 * Wait; less long when the network comes back, or when nobody waits any more.
 *
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
const wait = (milliseconds, signal) => new Promise(resolve => {
    let timer = 0;
    const end = () => {
        clearTimeout(timer);
        window.removeEventListener('online', end);
        signal?.removeEventListener('abort', end);
        resolve();
    };
    timer = setTimeout(end, milliseconds);
    window.addEventListener('online', end);
    signal?.addEventListener('abort', end);
});

export const ports = {
    start,
    finish,
    stop,
    readPiece,
    wait,
    fetch: (...args) => window.fetch(...args),
    setTimeout: (...args) => window.setTimeout(...args),
    clearTimeout: timer => window.clearTimeout(timer),
    sesskey: M.cfg.sesskey,
};
