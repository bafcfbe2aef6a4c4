import assert from 'node:assert/strict';
import test from 'node:test';
import {DONE, SRC, delta, json, listener, ports, sse, stream, turnOfEvents} from './fakes.mjs';

const {Left, POLL_MS, Unreachable, readAnswer} = await import(`${SRC}reading.js`);
const {FIRST_BYTE_MS, SILENCE_MS} = await import(`${SRC}stream.js`);

const answer = (delivery, more = {}) => ({messageid: 5, delivery, streamurl: '/stream.php', ...more});
const piece = (status, after = 0, text = '', progress = null) => ({status, after, text, progress});
const pieces = (...list) => {
    const looks = [];
    return {
        looks,
        readPiece: async(messageid, after) => {
            looks.push(after);
            const next = list.shift();
            if (next instanceof Error || next?.errorcode) {
                throw next;
            }
            return next;
        },
    };
};
const deliveriesOf = ({asked}) => asked.map(({fields}) => fields?.delivery ?? 'GET');

for (const delivery of ['handover', 'relay']) {
    test(`${delivery}: one POST, and the text to its end`, async() => {
        const [here, heard] = [ports([stream([sse({event: 'start'}, delta(1, 'A '), delta(2, 'prime'), DONE)])]), listener()];
        await readAnswer(answer(delivery), heard, here);
        assert.equal(heard.heard.text, 'A prime');
        assert.deepEqual(here.asked, [
            {url: '/stream.php', method: 'POST', fields: {messageid: '5', after: '0', delivery, sesskey: 'key'}},
        ]);
        assert.equal(here.timers.size, 0);
    });
}

test('proxy: the address that PHP gives is read by GET', async() => {
    const [here, heard] = [ports([json({url: '/ai-stream/t_1'}), stream([sse(delta(1, 'x'), DONE)])]), listener()];
    await readAnswer(answer('proxy'), heard, here);
    assert.deepEqual(here.asked[1], {url: '/ai-stream/t_1', method: 'GET', fields: null});
    assert.equal(heard.heard.text, 'x');
});

for (const url of ['https://elsewhere.example/x', '//elsewhere.example/x', '/\\elsewhere.example', 5, undefined]) {
    test(`proxy: an address that is no path of the site is not read: ${url}`, async() => {
        const here = ports([json({url}), stream([sse(delta(1, 'x'), DONE)])]);
        const heard = listener();
        await readAnswer(answer('proxy'), heard, here);
        assert.deepEqual(deliveriesOf(here), ['proxy', 'relay']);
        assert.equal(heard.heard.text, 'x');
    });
}

test('an error of the stream is an end, too: why, the server knows', async() => {
    const heard = listener();
    await readAnswer(answer('relay'), heard, ports([stream([sse(delta(1, 'x'), {event: 'error', code: 'truncated'})])]));
    assert.equal(heard.heard.text, 'x');
});

test('an answer that has ended already (410) is finished at once', async() => {
    const here = ports([json({code: 'ended'}, 410)]);
    await readAnswer(answer('handover'), listener(), here);
    assert.equal(here.asked.length, 1);
});

test('what does not stream is stepped down from, to pieces in the end', async() => {
    const look = pieces(piece('running', 2, 'A '), piece('ended', 3, 'prime'));
    const here = ports([json({code: 'not_found'}, 404), json({code: 'relay_busy'}, 503)], look);
    const heard = listener();
    await readAnswer(answer('handover'), heard, here);
    assert.deepEqual(deliveriesOf(here), ['handover', 'relay']);
    assert.deepEqual(heard.heard.steps, [['relay', 'refused'], ['poll', 'refused']]);
    assert.equal(heard.heard.text, 'A prime');
    assert.deepEqual(look.looks, [0, 2]);
    assert.deepEqual(here.waits, [POLL_MS]);
});

test('a page in place of a stream is no stream', async() => {
    const here = ports([stream(['<html>'], {type: 'text/html'})], pieces(piece('complete')));
    await readAnswer(answer('relay'), listener(), here);
    assert.deepEqual(here.asked.length, 1);
});

test('an empty stream, as where the web server does not know X-Accel-Redirect, is stepped down from', async() => {
    const heard = listener();
    await readAnswer(answer('handover'), heard, ports([stream([]), stream([sse(delta(1, 'x'), DONE)])]));
    assert.deepEqual(heard.heard.steps, [['relay', 'silent']]);
});

test('a stream of which nothing comes is kept back by something, and is left', async() => {
    const heard = listener();
    const here = ports([({signal}) => stream([], {end: 'hangs', signal}), stream([sse(DONE)])]);
    const reading = readAnswer(answer('handover'), heard, here);
    await turnOfEvents();
    assert.deepEqual([...here.timers.values()].map(({milliseconds}) => milliseconds), [FIRST_BYTE_MS]);
    here.ring();
    await reading;
    assert.deepEqual(heard.heard.steps, [['relay', 'silent']]);
});

test('a stream that breaks is taken up again by the same way, behind the last piece', async() => {
    const heard = listener();
    const here = ports([
        stream([sse(delta(1, 'A '), delta(2, 'pri'))]),
        stream([sse(delta(2, 'pri'), delta(3, 'me'), DONE)]),
    ]);
    await readAnswer(answer('handover'), heard, here);
    assert.equal(heard.heard.text, 'A prime');
    assert.deepEqual(here.asked.map(({fields}) => [fields.delivery, fields.after]), [['handover', '0'], ['handover', '2']]);
});

test('a stream that falls silent in the middle is taken up again', async() => {
    const heard = listener();
    const here = ports([({signal}) => stream([sse(delta(1, 'A '))], {end: 'hangs', signal}), stream([sse(delta(2, 'b'), DONE)])]);
    const reading = readAnswer(answer('relay'), heard, here);
    while (heard.heard.text === '') {
        await turnOfEvents();
    }
    assert.deepEqual([...here.timers.values()].map(({milliseconds}) => milliseconds), [SILENCE_MS]);
    here.ring();
    await reading;
    assert.equal(heard.heard.text, 'A b');
});

test('a way that breaks again and again without a new piece is stepped down from', async() => {
    const broken = () => stream([sse({event: 'start'})]);
    const heard = listener();
    const here = ports([broken, broken, broken, stream([sse(DONE)])]);
    await readAnswer(answer('handover'), heard, here);
    assert.deepEqual(deliveriesOf(here), ['handover', 'handover', 'handover', 'relay']);
});

test('a network that is gone is said, waited for, and back', async() => {
    const heard = listener();
    const gone = () => {
        throw new TypeError('Failed to fetch');
    };
    const here = ports([stream([sse(delta(1, 'A '))], {}), gone, stream([sse(delta(2, 'b'), DONE)])]);
    await readAnswer(answer('relay'), heard, here);
    assert.equal(heard.heard.text, 'A b');
    assert.ok(heard.heard.connection.includes(false));
    assert.equal(heard.heard.connection.at(-1), true);
});

test('looks that fail are tried again, and given up at last', async() => {
    const failures = Array.from({length: 30}, () => new TypeError('No answer'));
    const look = pieces(piece('running', 1, 'A'), ...failures);
    const heard = listener();
    await assert.rejects(readAnswer(answer('poll'), heard, ports([], look)), Unreachable);
    assert.ok(look.looks.length > 5 && look.looks.length < 20);
    assert.equal(heard.heard.text, 'A');
});

test('a look that the server refuses is the end of it', async() => {
    const refusal = {errorcode: 'error_nomessage', message: 'gone'};
    await assert.rejects(readAnswer(answer('poll'), listener(), ports([], pieces(refusal))), error => error === refusal);
});

test('progress is passed on, of a stream and of pieces', async() => {
    const heard = listener();
    const queued = {event: 'progress', stage: 'queued', done: 0, total: 2};
    await readAnswer(answer('relay'), heard, ports([stream([sse(queued, DONE)])]));
    await readAnswer(answer('poll'), heard, ports([], pieces(piece('running', 0, '', {stage: 'reading', done: 1, total: 3}), piece('ended'))));
    assert.deepEqual(heard.heard.progress, [queued, {stage: 'reading', done: 1, total: 3}]);
});

test('who has left hears nothing more, and nothing more is asked', async() => {
    const leaving = new AbortController();
    const heard = listener();
    const here = ports([({signal}) => stream([sse(delta(1, 'A'))], {end: 'hangs', signal})], {signal: leaving.signal});
    const reading = readAnswer(answer('handover'), heard, here);
    while (heard.heard.text === '') {
        await turnOfEvents();
    }
    leaving.abort();
    await assert.rejects(reading, Left);
    assert.equal(here.asked.length, 1);
    assert.equal(here.timers.size, 0);
});
