import assert from 'node:assert/strict';
import test from 'node:test';
import {SRC, Storage} from './fakes.mjs';

const {default: TabStorage} = await import(`${SRC}storage.js`);
const {default: Outbox} = await import(`${SRC}outbox.js`);

const request = (key, more = {}) => ({key, conversationid: 3, content: `text of ${key}`, replaces: 0, ...more});
const said = (key, role = 'user') => ({key, role});

test('what a tab keeps is there on its next page', () => {
    const storage = new Storage();
    new TabStorage(7, storage).set('draft', 'half a thought');
    assert.equal(new TabStorage(7, storage).get('draft'), 'half a thought');
});

test('the next user of the tab finds nothing of the one before, and other plugins keep theirs', () => {
    const storage = new Storage();
    storage.setItem('other', '1');
    new TabStorage(7, storage).set('draft', 'secret');
    assert.equal(new TabStorage(8, storage).get('draft'), null);
    assert.deepEqual(Object.keys(storage), ['other']);
});

test('a browser that allows no storage is no reason to fail', () => {
    const refusing = new Proxy({}, {get: () => () => {
        throw new DOMException('denied', 'SecurityError');
    }});
    const kept = new TabStorage(7, refusing);
    kept.set('draft', 'x');
    assert.equal(kept.get('draft'), null);
});

test('what is not confirmed is missing, until it is', () => {
    const outbox = new Outbox(new TabStorage(7, new Storage()), 2);
    outbox.add(request('a'));
    outbox.add(request('b'));
    assert.deepEqual(outbox.missing(3, []).map(({key}) => key), ['a', 'b']);
    outbox.remove('a');
    assert.deepEqual(outbox.missing(3, []).map(({key}) => key), ['b']);
});

test('it belongs to its course and its conversation', () => {
    const storage = new TabStorage(7, new Storage());
    new Outbox(storage, 2).add(request('a'));
    assert.deepEqual(new Outbox(storage, 4).missing(3, []), []);
    assert.deepEqual(new Outbox(storage, 2).missing(9, []), []);
    assert.equal(new Outbox(storage, 2).missing(3, []).length, 1);
});

test('what is among the messages has arrived, and is forgotten', () => {
    const outbox = new Outbox(new TabStorage(7, new Storage()), 2);
    outbox.add(request('a'));
    assert.deepEqual(outbox.missing(3, [said('a'), said('a', 'assistant')]), []);
    assert.deepEqual(outbox.missing(3, []), []);
});

test('the same words of before are another message', () => {
    const outbox = new Outbox(new TabStorage(7, new Storage()), 2);
    outbox.add(request('a'));
    assert.equal(outbox.missing(3, [said('earlier')]).length, 1);
});

test('a second try of an answer needs no second offer: its button is there', () => {
    const outbox = new Outbox(new TabStorage(7, new Storage()), 2);
    outbox.add(request('a', {content: '', replaces: 5}));
    assert.deepEqual(outbox.missing(3, []), []);
});
