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
 * The web services.
 *
 * @module     local_aisidecar/repository
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import {call} from 'core/ajax';

/** A look at an answer is answered at once. One that is not has been lost on the way. */
const READ_TIMEOUT_MS = 20000;

const ask = (name, args, timeout = 0) => new Promise((resolve, reject) => {
    // Promises of jQuery reject with nothing where the network is gone: with an object it is told from what the server says.
    call([{methodname: `local_aisidecar_${name}`, args}], true, true, false, timeout)[0]
        .then(resolve)
        .catch(error => reject(error?.errorcode ? error : new TypeError(`No answer: ${error?.message ?? error}`)));
});

/**
 * Start an answer. Sent again with the same key it is the same answer, and paid once.
 *
 * @param {object} args contextid, action, content, conversationid, key, replaces
 * @returns {Promise<object>} conversationid, question, answer, delivery, streamurl
 */
export const start = args => ask('start', args);

export const readPiece = (messageid, after) => ask('read', {messageid, after}, READ_TIMEOUT_MS);

export const finish = messageid => ask('finish', {messageid});

export const stop = messageid => ask('stop', {messageid});

/**
 * Get the latest messages of a conversation.
 *
 * @param {number} contextid
 * @param {number} conversationid 0: the latest one here.
 * @param {number} [before] A message: those before it.
 * @returns {Promise<object>}
 */
export const getConversation = (contextid, conversationid, before = 0) => (
    ask('get_conversation', {contextid, conversationid, ...before ? {before} : {}})
);

export const getConversations = (contextid, page) => ask('get_conversations', {contextid, page});

export const deleteConversation = conversationid => ask('delete_conversation', {conversationid});

export const reportDelivery = results => ask('report_delivery', {results});
