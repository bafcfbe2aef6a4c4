/**
 * Lets Node.js load the plugin's modules as Moodle does: names without extension, and none of Moodle's own modules.
 *
 *     node --import ./tests/moodle/ui/moodle.mjs --test tests/moodle/ui/*.test.mjs
 */

import {webcrypto} from 'node:crypto';
import {register} from 'node:module';
import {isMainThread} from 'node:worker_threads';

export const resolve = (name, context, next) => {
    const isModule = context.parentURL?.includes('/amd/src/') && name.startsWith('./');
    return isModule ? next(`${name}.js`, context) : next(name, context);
};

export const load = (url, context, next) => (
    url.includes('/amd/src/') ? next(url, {...context, format: 'module'}) : next(url, context)
);

// The hooks run in a thread of their own, which loads this file, too.
if (isMainThread) {
    register(import.meta.url);
}

// Browsers have it; Node.js as a global from 20 on.
globalThis.crypto ??= webcrypto;
