import assert from 'node:assert/strict';
import test from 'node:test';
import {DONE, SRC, delta, listener, ports, sse, stream, turnOfEvents} from './fakes.mjs';

const {default: Turn} = await import(`${SRC}turn.js`);
const {Left} = await import(`${SRC}reading.js`);

const REQUEST = {action: 'chat', content: 'What is a prime?', key: 'k1'};
const STARTED = {conversationid: 3, answer: {id: 5, status: 'running'}, delivery: 'relay', streamurl: '/stream.php'};
const COMPLETE = {id: 5, status: 'complete', text: 'A prime'};
const STOPPED = {id: 5, status: 'stopped', text: 'A'};

/** A server that counts what it is asked. */
const server = more => {
    const calls = [];
    const count = (name, action) => async(...args) => {
        calls.push([name, ...args]);
        return action(...args);
    };
    const actions = {start: () => STARTED, finish: () => COMPLETE, stop: () => STOPPED, readPiece: () => ({status: 'ended'}), ...more};
    return {calls, ...Object.fromEntries(Object.entries(actions).map(([name, action]) => [name, count(name, action)]))};
};
const namesOf = ({calls}) => calls.map(([name]) => name);
const failing = (times, value) => () => {
    if (times-- > 0) {
        throw new TypeError('No answer');
    }
    return value;
};
const hanging = ({signal}) => stream([sse(delta(1, 'A'))], {end: 'hangs', signal});
const firstText = async heard => {
    while (heard.heard.text === '') {
        await turnOfEvents();
    }
};

test('asks, reads, and takes the end from the server', async() => {
    const [there, heard] = [server(), listener()];
    const here = ports([stream([sse(delta(1, 'A prime'), DONE)])], there);
    assert.equal(await new Turn(here, heard).ask(REQUEST), COMPLETE);
    assert.deepEqual(there.calls, [['start', REQUEST], ['finish', 5]]);
    assert.equal(heard.heard.started, STARTED);
});

test('a request without an answer is sent again with the same key', async() => {
    const [there, heard] = [server({start: failing(2, STARTED)}), listener()];
    await new Turn(ports([stream([sse(DONE)])], there), heard).ask(REQUEST);
    assert.deepEqual(heard.heard.connection.slice(0, 3), [false, false, true]);
    const starts = there.calls.filter(([name]) => name === 'start');
    assert.equal(starts.length, 3);
    assert.ok(starts.every(([, request]) => request === REQUEST));
});

test('a request that is never answered fails, after some tries and no more', async() => {
    const there = server({start: failing(99)});
    await assert.rejects(new Turn(ports([], there), listener()).ask(REQUEST), TypeError);
    assert.equal(there.calls.length, 4);
});

test('a refusal is no reason to ask again', async() => {
    const refusal = {errorcode: 'error_rate_limited', message: 'Later.'};
    const there = server({start: () => {
        throw refusal;
    }});
    await assert.rejects(new Turn(ports([], there), listener()).ask(REQUEST), error => error === refusal);
    assert.equal(there.calls.length, 1);
});

test('a whole answer, of a site without a daemon, is not read', async() => {
    const there = server({start: () => ({...STARTED, answer: COMPLETE})});
    const here = ports([], there);
    assert.equal(await new Turn(here, listener()).ask(REQUEST), COMPLETE);
    assert.deepEqual(here.asked, []);
    assert.deepEqual(namesOf(there), ['start']);
});

test('whatever breaks in the reading, it is asked once', async() => {
    const there = server({finish: failing(2, COMPLETE), readPiece: failing(1, {status: 'ended', after: 1, text: '', progress: null})});
    const here = ports([stream([], {status: 502}), stream([sse(delta(1, 'A'))], {end: 'breaks'})], there);
    assert.equal(await new Turn(here, listener()).ask(REQUEST), COMPLETE);
    assert.equal(namesOf(there).filter(name => name === 'start').length, 1);
});

test('an answer that still runs at its end is looked at until it has ended', async() => {
    let times = 0;
    const there = server({finish: () => (++times < 3 ? {id: 5, status: 'running'} : COMPLETE)});
    assert.equal(await new Turn(ports([stream([sse(DONE)])], there), listener()).ask(REQUEST), COMPLETE);
});

test('stop ends the reading, and gives what the server has kept', async() => {
    const [there, heard] = [server(), listener()];
    const turn = new Turn(ports([hanging], there), heard);
    const asking = turn.ask(REQUEST);
    await firstText(heard);
    await turn.stop();
    assert.equal(await asking, STOPPED);
    assert.deepEqual(there.calls.at(-1), ['stop', 5]);
});

test('stop before the answer has begun stops it as soon as it has', async() => {
    let begin;
    const there = server({start: () => new Promise(resolve => {
        begin = resolve;
    })});
    const turn = new Turn(ports([hanging], there), listener());
    const asking = turn.ask(REQUEST);
    await turnOfEvents();
    await turn.stop();
    assert.deepEqual(namesOf(there), ['start']);
    begin(STARTED);
    assert.equal(await asking, STOPPED);
    assert.deepEqual(namesOf(there), ['start', 'stop']);
});

test('stop while the stream ends by it collects nothing twice', async() => {
    const [there, heard] = [server({stop: async() => {
        await turnOfEvents();
        return STOPPED;
    }}), listener()];
    let end;
    const body = new ReadableStream({
        start: controller => {
            end = () => {
                controller.enqueue(new TextEncoder().encode(sse({event: 'error', code: 'cancelled'})));
                controller.close();
            };
            controller.enqueue(new TextEncoder().encode(sse(delta(1, 'A'))));
        },
    });
    const turn = new Turn(ports([new Response(body, {headers: {'Content-Type': 'text/event-stream'}})], there), heard);
    const asking = turn.ask(REQUEST);
    await firstText(heard);
    const stopping = turn.stop();
    end();
    assert.equal(await asking, STOPPED);
    await stopping;
    assert.deepEqual(namesOf(there), ['start', 'stop']);
});

test('a stop that does not arrive says so, and the answer is read on', async() => {
    const [there, heard] = [server({stop: failing(99)}), listener()];
    let go;
    const body = new ReadableStream({
        start: controller => {
            go = () => controller.enqueue(new TextEncoder().encode(sse(delta(2, ' prime'), DONE)));
            controller.enqueue(new TextEncoder().encode(sse(delta(1, 'A'))));
        },
    });
    const turn = new Turn(ports([new Response(body, {headers: {'Content-Type': 'text/event-stream'}})], there), heard);
    const asking = turn.ask(REQUEST);
    await firstText(heard);
    await assert.rejects(turn.stop(), TypeError);
    go();
    assert.equal(await asking, COMPLETE);
    assert.equal(heard.heard.text, 'A prime');
});

test('who leaves lets it run on', async() => {
    const [there, heard] = [server(), listener()];
    const turn = new Turn(ports([hanging], there), heard);
    const asking = turn.ask(REQUEST);
    await firstText(heard);
    turn.leave();
    await assert.rejects(asking, Left);
    assert.deepEqual(namesOf(there), ['start']);
});

test('an answer of before is followed without being asked for', async() => {
    const [there, heard] = [server(), listener()];
    const turn = new Turn(ports([stream([sse(delta(1, 'A prime'), DONE)])], there), heard);
    assert.equal(await turn.follow(5, STARTED), COMPLETE);
    assert.equal(heard.heard.text, 'A prime');
    assert.deepEqual(namesOf(there), ['finish']);
});

test('what may not be read on, since it was hidden meanwhile, is finished all the same', async() => {
    const hidden = {errorcode: 'requireloginerror', message: 'Not here.'};
    const [there, heard] = [server({readPiece: () => {
        throw hidden;
    }}), listener()];
    assert.equal(await new Turn(ports([], there), heard).follow(5, {delivery: 'poll', streamurl: ''}), COMPLETE);
    assert.deepEqual(namesOf(there), ['readPiece', 'finish']);
});

test('an answer begins with the way that the reader has learnt of', async() => {
    const reader = {...listener(), limit: delivery => (delivery === 'relay' ? 'poll' : delivery)};
    const there = server();
    const here = ports([], there);
    await new Turn(here, reader).follow(5, STARTED);
    assert.deepEqual(here.asked, []);
    assert.deepEqual(namesOf(there), ['readPiece', 'finish']);
});
