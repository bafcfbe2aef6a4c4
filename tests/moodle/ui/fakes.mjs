/** A browser's surroundings under the test's control: time stands still, and the server says what the test wants. */

export const SRC = new URL('../../../moodle/local_aisidecar/amd/src/', import.meta.url).href;

const encoder = new TextEncoder();

export const sse = (...events) => events.map(event => `event: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`).join('');

export const delta = (seq, text) => ({event: 'delta', seq, text});

export const DONE = {event: 'done', finish_reason: 'stop'};

/** A response with these parts as its body; `breaks`: behind them the connection breaks, `hangs`: nothing comes any more. */
export const stream = (parts, {type = 'text/event-stream', status = 200, end = 'closes', signal = null} = {}) => new Response(
    new ReadableStream({
        start(controller) {
            parts.forEach(part => controller.enqueue(encoder.encode(part)));
            if (end === 'breaks') {
                controller.error(new TypeError('network error'));
            } else if (end === 'closes') {
                controller.close();
            }
            signal?.addEventListener('abort', () => controller.error(new DOMException('aborted', 'AbortError')));
        },
    }, {highWaterMark: 0}),
    {status, headers: {'Content-Type': type}},
);

export const json = (value, status = 200) => stream([JSON.stringify(value)], {type: 'application/json', status});

/** Ports whose fetch answers with one of `answers` after the other (functions are called) and whose clock is turned by `ring`. */
export const ports = (answers = [], more = {}) => {
    const asked = [];
    const waits = [];
    const timers = new Map();
    let last = 0;
    return {
        asked,
        waits,
        timers,
        sesskey: 'key',
        fetch: async(url, options) => {
            const fields = options.body ? Object.fromEntries(options.body) : null;
            asked.push({url, method: options.method ?? 'GET', fields});
            const answer = answers.shift();
            if (answer === undefined) {
                throw new TypeError('Failed to fetch');
            }
            return typeof answer === 'function' ? answer(options) : answer;
        },
        wait: async milliseconds => {
            waits.push(milliseconds);
        },
        setTimeout: (action, milliseconds) => {
            timers.set(++last, {action, milliseconds});
            return last;
        },
        clearTimeout: timer => timers.delete(timer),
        ring: () => [...timers.values()].forEach(({action}) => action()),
        ...more,
    };
};

/** What a reader hears. */
export const listener = () => {
    const heard = {text: '', progress: [], steps: [], connection: []};
    return {
        heard,
        onText: text => {
            heard.text += text;
        },
        onProgress: progress => heard.progress.push(progress),
        onStep: (delivery, reason) => heard.steps.push([delivery, reason]),
        onConnection: there => heard.connection.push(there),
        onStarted: started => {
            heard.started = started;
        },
    };
};

/** Storage of a browser, as far as it is used. */
export class Storage {
    getItem(key) {
        return Object.hasOwn(this, key) ? this[key] : null;
    }

    setItem(key, value) {
        this[key] = String(value);
    }

    removeItem(key) {
        delete this[key];
    }
}

export const turnOfEvents = () => new Promise(resolve => setImmediate(resolve));
