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
 * The assistant behind the drawer: which conversation is shown, what is asked, what has come of it.
 *
 * @module     local_aisidecar/assistant
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import {getString} from 'core/str';
import Composer from './composer';
import Material from './material';
import OtherTabs from './othertabs';
import Turn from './turn';
import View from './view';
import {Left} from './reading';
import {describeProgress} from './progress';
import {newKey} from './key';
import {askForConsent} from './policy';
import {ports} from './ports';
import * as repository from './repository';

const COMPONENT = 'local_aisidecar';

/** What the tab keeps in place of a conversation that has no message yet. */
const NEW = 'new';

/** Refusals that pass by themselves. Others need another text, or somebody who changes something. */
const PASSING = new RegExp('^error_(busy|connection_failed|connection_lost|deadline_exceeded|draining|internal|overloaded'
    + '|rate_limited|timeout_\\w+|upstream_(connect|dns|error|protocol|rate_limited))$');

/** When the user is told that it is still being worked on. */
const STILL_THINKING_MS = 15000;

export default class Assistant {
    #begun = false;
    #turn = null;
    #visit = {};
    #conversationid = 0;

    /**
     * @param {HTMLElement} root
     * @param {object} config As PHP gives it to drawer.init.
     * @param {object} parts
     * @param {TabStorage} parts.storage
     * @param {function} parts.close Closes the drawer.
     * @param {function} parts.onNews Called when an answer has come.
     */
    constructor(root, config, {storage, close, onNews}) {
        this.root = root;
        this.config = config;
        this.storage = storage;
        this.closeDrawer = close;
        this.onNews = onNews;
        this.view = new View(root, {regenerate: message => this.#regenerate(message)});
        this.composer = new Composer(root, storage, {
            maxlength: config.maxlength,
            onSend: text => this.#send({action: 'chat', content: text}),
            onStop: () => this.#stop(),
        });
        this.material = new Material(root, storage, {
            maxlength: config.maxtextlength,
            onSend: (action, text) => this.#send({action, content: text}),
        });
        this.tabs = new OtherTabs(config.userid, conversationid => this.#changedElsewhere(conversationid));
        for (const action of config.actions) {
            root.querySelector(`[data-action="${action}"]`)?.removeAttribute('hidden');
        }
        root.querySelector('[data-action="new"]').addEventListener('click', () => this.startNew());
    }

    /**
     * Be there: with the policy where it is not accepted yet, else with the conversation that was here. Only once.
     */
    async begin() {
        if (this.#begun || (!this.config.policyaccepted && !await this.#consent())) {
            return;
        }
        this.#begun = true;
        const kept = this.storage.get(this.#conversationKey());
        if (kept === NEW) {
            this.#show({conversationid: 0, messages: [], running: null});
        } else {
            await this.open(kept ?? 0);
        }
    }

    /**
     * Show a conversation; 0: the latest one here.
     *
     * @param {number} conversationid
     */
    async open(conversationid) {
        this.#leave();
        const visit = this.#visit = {};
        this.view.showLoading();
        let conversation;
        try {
            conversation = await repository.getConversation(this.config.contextid, conversationid);
        } catch (error) {
            if (visit !== this.#visit) {
                return;
            }
            if (error.errorcode && conversationid !== 0) {
                // Deleted, or of another course.
                await this.open(0);
                return;
            }
            const message = error.errorcode ? error.message : await getString('unreachable', COMPONENT);
            this.view.showMessages([]);
            this.view.addNotice(this.view.log, {message, canretry: true}, () => this.open(conversationid));
            return;
        }
        if (visit === this.#visit) {
            this.#show(conversation);
        }
    }

    /**
     * Begin another conversation. The old one is in the history.
     */
    startNew() {
        this.#leave();
        this.#visit = {};
        this.storage.set('pending', null);
        this.#show({conversationid: 0, messages: [], running: null});
        this.storage.set(this.#conversationKey(), NEW);
        this.composer.focus();
    }

    focus() {
        this.composer.focus();
    }

    #conversationKey() {
        return `conversation/${this.config.courseid}`;
    }

    #remember(conversationid) {
        this.#conversationid = conversationid;
        if (conversationid) {
            this.storage.set(this.#conversationKey(), conversationid);
        }
    }

    #leave() {
        this.#turn?.leave();
        this.#turn = null;
        this.composer.setBusy(false);
        this.view.setBusy(false);
        this.storage.set('running', null);
    }

    #show({conversationid, messages, running}) {
        this.#remember(conversationid);
        const bubbles = this.view.showMessages(messages);
        const unfinished = messages.find(message => message.status === 'running');
        if (unfinished) {
            const way = running?.messageid === unfinished.id ? running : {delivery: 'poll', streamurl: ''};
            const bubble = bubbles.get(unfinished.id);
            bubble.started = true;
            this.#run(bubble, turn => turn.follow(unfinished.id, way));
            return;
        }
        const pending = this.storage.get('pending');
        if (pending?.courseid === this.config.courseid) {
            this.#offerPending(pending, messages);
        }
    }

    /**
     * What was sent before a reload, and never confirmed: it may have arrived or not, and its key tells.
     *
     * @param {object} pending
     * @param {object[]} messages
     */
    async #offerPending(pending, messages) {
        const arrived = messages.some(message => message.role === 'user' && message.text === pending.request.content);
        if (arrived || !pending.request.content) {
            this.storage.set('pending', null);
            return;
        }
        const visit = this.#visit;
        const message = await getString('notsent', COMPONENT);
        if (visit === this.#visit && !this.#turn) {
            const question = this.view.addQuestion(pending.request.action, pending.request.content);
            this.#offerAgain(question, message, pending.request);
        }
    }

    #offerAgain(question, message, request) {
        const box = this.view.addNotice(question, {message, canretry: true}, () => {
            box.remove();
            this.#ask(request, question);
        });
    }

    #send({action, content}) {
        if (this.#turn) {
            return;
        }
        if (action === 'chat') {
            this.composer.clear();
        } else {
            this.material.close();
        }
        this.composer.focus();
        this.#ask({action, content, key: newKey(), replaces: 0}, this.view.addQuestion(action, content));
    }

    #regenerate(message) {
        if (!this.#turn) {
            this.composer.focus();
            this.#ask({action: message.action || 'chat', content: '', key: newKey(), replaces: message.id}, null);
        }
    }

    /**
     * Ask, show what comes, and what to do where nothing comes.
     *
     * @param {object} request action, content, key, replaces
     * @param {HTMLElement|null} question Where it is shown; null: the question is there already.
     */
    async #ask(request, question) {
        this.storage.set('pending', {request, courseid: this.config.courseid});
        const replaced = request.replaces ? this.view.takeLast() : null;
        const bubble = this.view.addAnswer();
        this.view.scrollToEnd();
        const visit = this.#visit;
        const refusal = await this.#run(bubble, turn => turn.ask({
            contextid: this.config.contextid,
            conversationid: this.#conversationid,
            ...request,
        }));
        if (refusal && visit === this.#visit) {
            bubble.element.remove();
            this.view.log.append(...replaced ? [replaced] : []);
            await this.#refused(refusal, request, question);
        }
    }

    /**
     * Nothing was begun: say why, and lose nothing that was typed.
     *
     * @param {object} error
     * @param {object} request
     * @param {HTMLElement|null} question
     */
    async #refused(error, request, question) {
        if (!error.errorcode || PASSING.test(error.errorcode)) {
            // With the same key: it may have arrived.
            const place = question ?? this.view.log.lastElementChild;
            this.#offerAgain(place, error.errorcode ? error.message : await getString('unreachable', COMPONENT), request);
            return;
        }
        this.storage.set('pending', null);
        if (error.errorcode === 'policynotaccepted' && await this.#consent()) {
            await this.#ask({...request, key: newKey()}, question);
            return;
        }
        this.#giveBack(request, question);
        if (error.errorcode !== 'policynotaccepted') {
            this.view.addNotice(this.view.log, {message: error.message, canretry: false}, () => null);
        }
    }

    #giveBack(request, question) {
        question?.remove();
        if (request.action === 'chat') {
            this.composer.restore(request.content);
        } else if (request.content) {
            this.material.restore(request.action, request.content);
        }
    }

    /**
     * Follow an answer to its end.
     *
     * @param {Bubble} bubble
     * @param {function} action Gets the turn, and gives the message at its end.
     * @returns {Promise<object|null>} Why it was not even begun, or null.
     */
    async #run(bubble, action) {
        const turn = new Turn(ports, this.#listener(bubble));
        this.#turn = turn;
        this.composer.setBusy(true);
        this.view.setBusy(true);
        this.storage.set('running', true);
        this.view.announce(bubble.getWords());
        const still = setTimeout(async() => bubble.say(await getString('stillthinking', COMPONENT)), STILL_THINKING_MS);
        try {
            await this.#ended(bubble, await action(turn));
        } catch (error) {
            if (error instanceof Left) {
                return null;
            }
            if (!bubble.started) {
                return error;
            }
            await this.#lost(bubble, error);
        } finally {
            clearTimeout(still);
            if (this.#turn === turn) {
                this.#leave();
            }
        }
        return null;
    }

    #listener(bubble) {
        return {
            onStarted: started => {
                this.storage.set('pending', null);
                this.#remember(started.conversationid);
                bubble.started = true;
                this.tabs.tell(started.conversationid);
            },
            onText: text => bubble.write(text),
            onProgress: async progress => bubble.say(typeof progress === 'string' ? progress : await this.#words(progress)),
            onConnection: there => bubble.setConnected(there),
        };
    }

    async #words(progress) {
        const words = describeProgress(progress);
        if (!words) {
            return getString('thinking', COMPONENT);
        }
        const stage = words.stage ? {stage: await getString(words.stage, COMPONENT)} : {};
        return getString(words.key, COMPONENT, words.stage ? {...words.param, ...stage} : words.param);
    }

    async #ended(bubble, message) {
        this.view.finish(bubble, message);
        this.composer.setBusy(false);
        this.view.announce(await getString(message.status === 'complete' ? 'answercomplete' : 'answerended', COMPONENT));
        this.tabs.tell(this.#conversationid);
        this.onNews();
    }

    /**
     * The answer is somewhere, but not here.
     *
     * @param {Bubble} bubble
     * @param {object} error
     */
    async #lost(bubble, error) {
        const message = error.errorcode ? error.message : await getString('connectionlost', COMPONENT);
        bubble.pause();
        const conversationid = this.#conversationid;
        this.view.addNotice(bubble.element, {message, canretry: true}, () => this.open(conversationid));
    }

    async #stop() {
        this.composer.setStopping();
        try {
            await this.#turn?.stop();
        } catch (error) {
            this.composer.setBusy(this.#turn !== null);
            this.view.announce(error.errorcode ? error.message : await getString('unreachable', COMPONENT));
        }
    }

    /**
     * Show the policy until it is answered.
     *
     * @returns {Promise<boolean>}
     */
    async #consent() {
        const region = this.root.querySelector('[data-region="policy"]');
        this.root.classList.add('local_aisidecar-undecided');
        try {
            this.config.policyaccepted = await askForConsent(region);
        } catch (error) {
            this.view.addNotice(region, {message: error.message, canretry: false}, () => null);
            return false;
        } finally {
            this.root.classList.toggle('local_aisidecar-undecided', !this.config.policyaccepted);
        }
        if (this.config.policyaccepted) {
            this.composer.focus();
        } else {
            this.closeDrawer();
        }
        return this.config.policyaccepted;
    }

    #changedElsewhere(conversationid) {
        if (conversationid === this.#conversationid && !this.#turn) {
            this.open(conversationid);
        }
    }
}
