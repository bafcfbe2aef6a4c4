import assert from 'node:assert/strict';
import test from 'node:test';
import {SRC, Storage, listener, ports, sse, stream, delta, DONE} from './fakes.mjs';

const {default: TabStorage} = await import(`${SRC}storage.js`);
const {StepDown, REMEMBERED_MS} = await import(`${SRC}stepdown.js`);
const {REFUSED, SILENT, BROKEN, UNREACHABLE} = await import(`${SRC}stream.js`);
const {readAnswer} = await import(`${SRC}reading.js`);

const stepDown = () => {
    const clock = {now: 1000};
    return [new StepDown(new TabStorage(7, new Storage()), () => clock.now), clock];
};

test('a way that kept the stream back, or is not set up, is not tried again for a while', () => {
    for (const [outcome, status] of [[SILENT, 200], [SILENT, 0], [REFUSED, 404], [REFUSED, 500]]) {
        const [steps, clock] = stepDown();
        assert.equal(steps.limit('handover'), 'handover');
        steps.note('relay', outcome, status);
        assert.equal(steps.limit('handover'), 'relay');
        assert.equal(steps.limit('proxy'), 'relay');
        steps.note('poll', outcome, status);
        assert.equal(steps.limit('handover'), 'poll');
        clock.now += REMEMBERED_MS;
        assert.equal(steps.limit('handover'), 'handover');
    }
});

test('it never makes a way better than the server says', () => {
    const [steps] = stepDown();
    steps.note('relay', SILENT, 200);
    assert.equal(steps.limit('relay'), 'relay');
    assert.equal(steps.limit('poll'), 'poll');
});

test('what passes is not remembered: all places taken, the sidecar away, a network that breaks', () => {
    const [steps] = stepDown();
    steps.note('poll', REFUSED, 503);
    steps.note('poll', BROKEN, 200);
    steps.note('poll', UNREACHABLE, 0);
    assert.equal(steps.limit('relay'), 'relay');
});

test('the reading tells with what status its way was refused', async() => {
    const heard = [];
    const reader = {...listener(), onStep: (...step) => heard.push(step)};
    const here = ports([stream([], {status: 502}), stream([sse(delta(1, 'A'), DONE)])]);
    await readAnswer({messageid: 5, delivery: 'handover', streamurl: '/stream.php'}, reader, here);
    assert.deepEqual(heard, [['relay', REFUSED, 502]]);
});
