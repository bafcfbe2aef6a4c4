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
 * Reads one stream of an answer, from its request to its end or its break.
 *
 * POST by fetch, never EventSource: that knows only GET, so that the session key would be in the address and in every log, and
 * it asks again by itself.
 *
 * @module     local_aisidecar/stream
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import EventParser from './sse';

/** A stream begins with an event at once. One that is kept back by a buffer on the way does not. */
export const FIRST_BYTE_MS = 10000;

/** The sidecar gives a sign of life every 10 s: three of them missed, and nobody is there. */
export const SILENCE_MS = 30000;

/** The stream came to its end: the event done or error. */
export const ENDED = 'ended';

/** It had begun, and broke off. */
export const BROKEN = 'broken';

/** No connection at all: the network is gone, or the web server. */
export const UNREACHABLE = 'unreachable';

/** There was an answer, and it was no stream: this way is busy (503), or not set up. */
export const REFUSED = 'refused';

/** The status of an answer that has ended before it was read: it can only be finished. */
const GONE = 410;

/** Nothing came, so something on the way keeps it back, or this way does not work. */
export const SILENT = 'silent';

const isStream = response => response.ok && (response.headers.get('Content-Type') ?? '').startsWith('text/event-stream');

/**
 * Send the request, and the second one where the first is answered by an address to read from.
 *
 * @param {object} request
 * @param {string} request.url
 * @param {object} request.fields What is posted.
 * @param {AbortSignal} signal
 * @param {function} fetch
 * @returns {Promise<Response>}
 */
const open = async({url, fields}, signal, fetch) => {
    const common = {signal, credentials: 'same-origin', cache: 'no-store'};
    const response = await fetch(url, {
        ...common,
        method: 'POST',
        body: new URLSearchParams(fields),
        headers: {Accept: 'text/event-stream, application/json'},
    });
    if (!response.ok || !(response.headers.get('Content-Type') ?? '').startsWith('application/json')) {
        return response;
    }
    const address = (await response.json()).url;
    // A path of this site and nothing else: what comes from there is shown.
    if (typeof address !== 'string' || !/^\/(?![/\\])/.test(address)) {
        return Response.error();
    }
    return fetch(address, {...common, headers: {Accept: 'text/event-stream'}});
};

/**
 * Read a stream.
 *
 * @param {object} request As for open.
 * @param {function} onEvent Called with each event's fields; returns true where it was the last one.
 * @param {object} ports
 * @param {function} ports.fetch
 * @param {function} ports.setTimeout
 * @param {function} ports.clearTimeout
 * @param {AbortSignal} [ports.signal] The reader has gone.
 * @returns {Promise<object>} outcome: how it ended; status: that of HTTP (0: there was none); refusal: what was said instead.
 */
export const readStream = async(request, onEvent, ports) => {
    const abort = new AbortController();
    const leave = () => abort.abort();
    ports.signal?.addEventListener('abort', leave);
    let timer = 0;
    const watch = milliseconds => {
        ports.clearTimeout(timer);
        timer = ports.setTimeout(leave, milliseconds);
    };

    let status = 0;
    let begun = false;
    const result = outcome => ({outcome, status});
    watch(FIRST_BYTE_MS);
    try {
        const response = await open(request, abort.signal, ports.fetch);
        status = response.status;
        if (!isStream(response)) {
            const refusal = await response.json().catch(() => null);
            leave();
            return {...result(status === GONE ? ENDED : REFUSED), refusal};
        }
        const parser = new EventParser();
        const reader = response.body.getReader();
        for (;;) {
            const {value, done} = await reader.read();
            if (done) {
                return result(begun ? BROKEN : SILENT);
            }
            begun = true;
            watch(SILENCE_MS);
            if (parser.push(value).some(event => onEvent(JSON.parse(event.data)))) {
                leave();
                return result(ENDED);
            }
        }
    } catch (error) {
        if (begun) {
            return result(BROKEN);
        }
        return result(abort.signal.aborted || status > 0 ? SILENT : UNREACHABLE);
    } finally {
        ports.clearTimeout(timer);
        ports.signal?.removeEventListener('abort', leave);
    }
};
