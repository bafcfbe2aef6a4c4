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
 * What is too long to be sent. It is said, and never cut: what somebody has pasted is lost by that, and nobody sees it.
 *
 * @module     local_aisidecar/excess
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

/**
 * How many characters of a text are too many, as the server counts them.
 *
 * @param {string} text
 * @param {number} maxlength 0: no limit.
 * @returns {number}
 */
export const countExcess = (text, maxlength) => {
    if (maxlength <= 0 || text.length <= maxlength) {
        return 0;
    }
    // A sign beyond the first 65,536, such as a smiley, is one for the server, and two for length.
    return Math.max(0, Array.from(text.trim()).length - maxlength);
};
