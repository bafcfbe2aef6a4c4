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
 * The assistant behind the drawer: its parts, and which conversation they show.
 *
 * @module     local_aisidecar/assistant
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import Asking from './asking';
import Composer from './composer';
import Earlier from './earlier';
import Exchange from './exchange';
import Material from './material';
import OtherTabs from './othertabs';
import Outbox from './outbox';
import View from './view';
import {askForConsent} from './policy';
import {explain} from './words';
import {getConversation} from './repository';

/** What the tab keeps in place of a conversation that has no message yet. */
const NEW = 'new';

const EMPTY = {conversationid: 0, messages: [], running: null};

export default class Assistant {
    #beginning = null;
    #loading = null;

    /** What is shown; another object after each change of it, so that what comes too late is known by it. */
    #visit = {conversationid: 0};

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
        this.view = new View(root, {regenerate: message => this.asking.regenerate(message)});
        this.earlier = new Earlier(root, this.view, messageid => this.#before(messageid));
        this.composer = new Composer(root, storage, {
            maxlength: config.maxlength,
            onSend: text => this.#send('chat', text),
            onStop: () => this.exchange.stop(),
        });
        this.material = new Material(root, storage, {
            maxlength: config.maxtextlength,
            onSend: (action, text) => this.#send(action, text),
        });
        this.exchange = new Exchange(this.view, this.composer, storage, {
            onStarted: (started, {key}) => {
                this.outbox.remove(key);
                this.#remember(started.conversationid);
                this.tabs.tell(started.conversationid);
            },
            onEnded: () => {
                this.tabs.tell(this.#visit.conversationid);
                onNews();
            },
            onLookAgain: () => this.open(this.#visit.conversationid),
        });
        this.outbox = new Outbox(storage, config.courseid);
        this.asking = new Asking(this, config, {getVisit: () => this.#visit, consent: () => this.#consent()});
        this.kept = `conversation/${config.courseid}`;
        this.tabs = new OtherTabs(config.userid, conversationid => this.#changedElsewhere(conversationid));
        for (const action of config.actions) {
            root.querySelector(`[data-action="${action}"]`)?.removeAttribute('hidden');
        }
        root.querySelector('[data-action="new"]').addEventListener('click', () => this.startNew());
    }

    /**
     * Be there: with the policy where it is not accepted yet, else with the conversation that was here. Only once.
     *
     * @param {number} [wanted] Rather with this conversation.
     * @returns {Promise<void>}
     */
    begin(wanted) {
        this.#beginning = this.#beginning ?? this.#begin(wanted);
        return this.#beginning;
    }

    async #begin(wanted) {
        if (!this.config.policyaccepted && !await this.#consent()) {
            return;
        }
        const kept = this.storage.get(this.kept);
        if (kept === NEW && !wanted) {
            this.#show(EMPTY);
        } else {
            await this.open(wanted || kept || 0);
        }
    }

    /**
     * Show a conversation; 0: the latest one here.
     *
     * @param {number} conversationid
     * @returns {Promise<void>}
     */
    open(conversationid) {
        this.#loading = this.#load(conversationid);
        return this.#loading;
    }

    async #load(conversationid) {
        const visit = this.#visit = {conversationid};
        this.exchange.leave();
        this.view.showLoading();
        this.earlier.offer([], false);
        try {
            const conversation = await getConversation(this.config.contextid, conversationid);
            if (visit === this.#visit) {
                this.#show(conversation);
            }
        } catch (error) {
            if (visit !== this.#visit) {
                return;
            }
            if (error.errorcode && conversationid !== 0) {
                // Deleted, or of another course.
                await this.#load(0);
                return;
            }
            const notice = {message: await explain(error), canretry: true};
            this.view.showMessages([]);
            this.view.showRefusal(notice, () => this.open(conversationid));
        }
    }

    /**
     * Begin another conversation. The old one is in the history.
     */
    startNew() {
        this.#visit = {conversationid: 0};
        this.exchange.leave();
        this.#show(EMPTY);
        this.storage.set(this.kept, NEW);
        this.composer.focus();
    }

    #remember(conversationid) {
        this.#visit.conversationid = conversationid;
        if (conversationid) {
            this.storage.set(this.kept, conversationid);
        }
    }

    #show({conversationid, messages, running, earlier}) {
        this.#remember(conversationid);
        this.earlier.offer(messages, earlier);
        const bubbles = this.view.showMessages(messages);
        const unfinished = messages.find(({status}) => status === 'running');
        if (unfinished) {
            const way = running?.messageid === unfinished.id ? running : {delivery: 'poll', streamurl: ''};
            this.exchange.follow(bubbles.get(unfinished.id), unfinished.id, way);
        }
        this.asking.offerMissing(messages);
    }

    async #before(messageid) {
        const visit = this.#visit;
        const found = await getConversation(this.config.contextid, visit.conversationid, messageid);
        return visit === this.#visit ? found : null;
    }

    async #send(action, content) {
        // It belongs to the conversation that is on its way.
        await this.#loading;
        this.asking.send(action, content);
    }

    /**
     * Show the policy until it is answered. Who declines is asked again when the drawer is opened again.
     *
     * @returns {Promise<boolean>}
     */
    async #consent() {
        try {
            this.config.policyaccepted = await askForConsent(this.root);
        } catch (error) {
            const region = this.root.querySelector('[data-region="policy"]');
            this.view.addNotice(region, {message: await explain(error), canretry: false}, () => null);
            this.config.policyaccepted = false;
            this.#beginning = null;
            return false;
        }
        if (this.config.policyaccepted) {
            this.composer.focus();
        } else {
            this.#beginning = null;
            this.closeDrawer();
        }
        return this.config.policyaccepted;
    }

    #changedElsewhere(conversationid) {
        if (conversationid === this.#visit.conversationid && !this.exchange.isBusy()) {
            this.open(conversationid);
        }
    }
}
