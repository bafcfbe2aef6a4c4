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
 * Takes server-sent events out of bytes, however these are cut.
 *
 * @module     local_aisidecar/sse
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

/**
 * An event of the stream.
 *
 * @typedef {object} ServerSentEvent
 * @property {string} event Its name, "message" where the stream gives none.
 * @property {string} id The last id that the stream gave, or ''.
 * @property {string} data Its data.
 */

export default class EventParser {
    #decoder = new TextDecoder();
    #rest = '';
    #afterReturn = false;
    #event = '';
    #id = '';
    #data = [];

    /**
     * Feed what has come, and take the events that are whole now.
     *
     * @param {Uint8Array} bytes
     * @returns {ServerSentEvent[]}
     */
    push(bytes) {
        const events = [];
        let text = this.#decoder.decode(bytes, {stream: true});
        if (text !== '' && this.#afterReturn) {
            // CR LF is one end of line, and may have been cut between the two.
            text = text.startsWith('\n') ? text.slice(1) : text;
            this.#afterReturn = false;
        }
        this.#afterReturn = this.#afterReturn || text.endsWith('\r');
        const lines = (this.#rest + text).split(/\r\n|\r|\n/);
        this.#rest = lines.pop();
        for (const line of lines) {
            if (line !== '') {
                this.#field(line);
                continue;
            }
            if (this.#data.length > 0) {
                events.push({event: this.#event || 'message', id: this.#id, data: this.#data.join('\n')});
            }
            this.#event = '';
            this.#data = [];
        }
        return events;
    }

    /**
     * Take one line. A comment, and a field that nobody knows, say nothing.
     *
     * @param {string} line
     */
    #field(line) {
        const colon = line.indexOf(':');
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
        if (name === 'event') {
            this.#event = value;
        } else if (name === 'data') {
            this.#data.push(value);
        } else if (name === 'id' && !value.includes('\0')) {
            this.#id = value;
        }
    }
}
