import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';
import {DONE, SRC, delta, json, ports, sse, stream} from './fakes.mjs';

const {describeProgress} = await import(`${SRC}progress.js`);
const {measure} = await import(`${SRC}gaps.js`);
const {escapeHtml} = await import(`${SRC}escape.js`);
const {newKey} = await import(`${SRC}key.js`);

const progress = (stage, done, total) => describeProgress({stage, done, total});

test('a place in the queue is said, until it is reached', () => {
    assert.deepEqual(progress('queued', 1, 4), {key: 'progress_queued', param: 3});
    assert.equal(progress('queued', 4, 4), null);
});

test('parts are counted, and one part is not', () => {
    assert.deepEqual(progress('reading', 2, 5), {key: 'progress_parts', stage: 'stage_reading', param: {done: 2, total: 5}});
    assert.deepEqual(progress('analyzing', 0, 1), {key: 'stage_analyzing', param: null});
});

test('a stage of a later version is shown as it is called', () => {
    assert.deepEqual(progress('dreaming', 1, 2), {key: 'progress_parts', param: {stage: 'dreaming', done: 1, total: 2}});
});

test('every stage of the specification has its words', () => {
    const spec = readFileSync(new URL('../../../protocol/SPEC.md', import.meta.url), 'utf8');
    const table = spec.slice(spec.indexOf('| stage | steps | when |'), spec.indexOf('When all places with the provider are taken'));
    const stages = table.split('\n').slice(2).flatMap(row => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(match => match[1]));
    assert.ok(stages.length >= 7);
    for (const stage of stages.filter(name => !name.startsWith(':'))) {
        assert.ok(progress(stage, 1, 2).stage, stage);
        assert.equal(progress(`${stage}: joining`, 1, 2).stage, 'stage_joining');
    }
});

test('a key is what the sidecar takes, and never the same', () => {
    assert.match(newKey(), /^[0-9a-f]{32}$/);
    assert.notEqual(newKey(), newKey());
});

test('a text as HTML has no markup, in an element and in an attribute', () => {
    assert.equal(escapeHtml('<img src=x onerror=alert(1)> & "\''), '&#60;img src=x onerror=alert(1)&#62; &#38; &#34;&#39;');
});

const five = [1, 2, 3, 4, 5].map(seq => delta(seq, 'x'));
const measured = async(answers, times) => measure('relay', '/selftest.php', () => null, {...ports(answers), now: () => times.shift()});

test('events 200 ms apart stream', async() => {
    const result = await measured([stream([...five.map(event => sse(event)), sse(DONE)])], [10, 210, 410, 611, 809]);
    assert.deepEqual([result.verdict, result.gaps], ['streams', [200, 200, 201, 198]]);
});

test('events that come together are held back', async() => {
    const result = await measured([stream([sse(...five, DONE)])], [1000, 1000, 1001, 1001, 1002]);
    assert.equal(result.verdict, 'held');
});

test('one late event does not hide that they stream, and one early one does not make them', async() => {
    assert.equal((await measured([stream([sse(...five, DONE)])], [1, 401, 402, 601, 801])).verdict, 'streams');
    assert.equal((await measured([stream([sse(...five, DONE)])], [1, 401, 401, 401, 401])).verdict, 'held');
});

test('what is refused is absent, with the cause that the server gives to an administrator', async() => {
    const result = await measured([json({code: 'unsupported', message: 'Not here.', cause: 'no socket'}, 501)], []);
    assert.deepEqual([result.verdict, result.status, result.words], ['absent', 501, 'no socket']);
});

test('what breaks off has failed', async() => {
    assert.equal((await measured([stream([sse(delta(1, 'x'))], {end: 'breaks'})], [1])).verdict, 'failed');
    assert.equal((await measured([stream([])], [])).verdict, 'failed');
});

test('what breaks off before its end has failed, however even it came', async() => {
    const times = () => [1, 201, 401, 601, 801];
    assert.equal((await measured([stream([sse(...five)], {end: 'breaks'})], times())).verdict, 'failed');
    assert.equal((await measured([stream([sse(...five)])], times())).verdict, 'failed');
    assert.equal((await measured([stream([sse(...five, {event: 'error', code: 'truncated'})])], times())).verdict, 'failed');
});

test('what came together does not stream, also where several events were made one', async() => {
    assert.equal((await measured([stream([sse(delta(1, 'x'), delta(5, 'x'), DONE)])], [1, 401])).verdict, 'held');
    assert.equal((await measured([stream([sse(delta(5, 'x'), DONE)])], [1])).verdict, 'held');
    assert.equal((await measured([stream([sse(DONE)])], [])).verdict, 'failed');
});
