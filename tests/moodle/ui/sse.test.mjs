import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';
import {SRC} from './fakes.mjs';

const {default: EventParser} = await import(`${SRC}sse.js`);

const vectors = JSON.parse(readFileSync(new URL('../../../protocol/vectors/events/good.json', import.meta.url)));
const bytes = text => new TextEncoder().encode(text);

const parse = (...parts) => {
    const parser = new EventParser();
    return parts.flatMap(part => parser.push(part));
};

test('the events of the golden files come out as they went in, however the bytes are cut', () => {
    const messages = vectors.map(vector => vector.message).filter(message => typeof message === 'string' && message.length < 1000);
    assert.ok(messages.length > 20);
    for (const message of messages) {
        const whole = bytes(`: sign of life\n\nevent: ${JSON.parse(message).event}\nid: 7\ndata: ${message}\n\n`);
        const expected = [{event: JSON.parse(message).event, id: '7', data: message}];
        for (let cut = 0; cut <= whole.length; cut++) {
            assert.deepEqual(parse(whole.slice(0, cut), whole.slice(cut)), expected);
        }
    }
});

for (const [name, end] of [['LF', '\n'], ['CR LF', '\r\n'], ['CR', '\r']]) {
    test(`lines end with ${name}, also byte by byte`, () => {
        const whole = bytes(['event: a', 'data: é…', 'data: 2', '', 'data:x', '', ''].join(end));
        const expected = [{event: 'a', id: '', data: 'é…\n2'}, {event: 'message', id: '', data: 'x'}];
        // A lone CR is an end of line at once.
        assert.deepEqual(parse(whole), expected);
        assert.deepEqual(parse(...Array.from(whole, byte => Uint8Array.of(byte))), expected);
    });
}

test('a comment, an unknown field and an event without data say nothing', () => {
    assert.deepEqual(parse(bytes(':\n\nretry: 5\n\nevent: a\n\nfoo\n\n')), []);
});

test('only one space behind the colon is not part of the data', () => {
    assert.equal(parse(bytes('data:  two\n\n'))[0].data, ' two');
});

test('an id stays until there is another, and the name of an event does not', () => {
    assert.deepEqual(parse(bytes('id: 1\nevent: a\ndata: x\n\ndata: y\n\n')), [
        {event: 'a', id: '1', data: 'x'}, {event: 'message', id: '1', data: 'y'},
    ]);
});

test('what is not whole is kept back', () => {
    assert.deepEqual(parse(bytes('data: x\n')), []);
});
