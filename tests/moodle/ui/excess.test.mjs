import assert from 'node:assert/strict';
import test from 'node:test';
import {SRC} from './fakes.mjs';

const {countExcess} = await import(`${SRC}excess.js`);

test('what is too long is counted as the server counts it', () => {
    assert.equal(countExcess('12345', 5), 0);
    assert.equal(countExcess('1234567', 5), 2);
    // The server is sent no blanks around, and to it a smiley is one character.
    assert.equal(countExcess('  12345\n', 5), 0);
    assert.equal(countExcess('🙂🙂🙂🙂🙂', 5), 0);
    assert.equal(countExcess('🙂🙂🙂🙂🙂🙂', 5), 1);
});

test('without a limit nothing is too long', () => {
    assert.equal(countExcess('x'.repeat(1000), 0), 0);
});
