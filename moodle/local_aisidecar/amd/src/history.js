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
 * The page with the user's conversations: deletes, and loads more.
 *
 * @module     local_aisidecar/history
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import Notification from 'core/notification';
import Templates from 'core/templates';
import {get as getDates} from 'core/user_date';
import {getString} from 'core/str';
import OtherTabs from './othertabs';
import {escapeHtml} from './escape';
import {deleteConversation, getConversations} from './repository';

/** As many as the server gives at once. */
const PER_PAGE = 20;

class History {
    constructor(root, contextid) {
        this.root = root;
        this.contextid = contextid;
        this.list = root.querySelector('[data-region="list"]');
        this.more = root.querySelector('[data-action="more"]');
        // The drawer on this page hears it, too, as from another tab.
        this.tabs = new OtherTabs(M.cfg.userId, () => null);
        root.addEventListener('click', event => {
            const button = event.target.closest('button[data-action]');
            if (button?.dataset.action === 'delete') {
                this.#delete(button).catch(Notification.exception);
            } else if (button === this.more) {
                this.#load().catch(Notification.exception);
            }
        });
    }

    async #delete(button) {
        const entry = button.closest('[data-id]');
        // Its title may be of any page: it is the first words of what was asked, or was to be summarized.
        const title = escapeHtml(entry.querySelector('[data-region="title"]').textContent);
        const question = await getString('history_deleteconfirm', 'local_aisidecar', title);
        try {
            await Notification.deleteCancelPromise(await getString('history_delete', 'local_aisidecar'), question);
        } catch (cancelled) {
            return;
        }
        await deleteConversation(Number(entry.dataset.id));
        const next = entry.nextElementSibling ?? entry.previousElementSibling;
        entry.remove();
        this.tabs.tell(Number(entry.dataset.id));
        const empty = this.root.querySelector('[data-region="empty"]');
        if (!next && !this.more.hidden) {
            await this.#load();
        }
        empty.hidden = this.list.children.length > 0;
        (next?.querySelector('a') ?? this.list.querySelector('a') ?? empty).focus();
    }

    /**
     * Add those that come next. By number of those that are there, since what was deleted has moved the pages.
     */
    async #load() {
        this.more.disabled = true;
        const page = Math.floor(this.list.children.length / PER_PAGE);
        try {
            const {conversations, more} = await getConversations(this.contextid, page);
            const format = await getString('strftimedatetimeshort', 'langconfig');
            const added = conversations.filter(({id}) => !this.list.querySelector(`[data-id="${id}"]`));
            const dates = await getDates(added.map(({timemodified}) => ({timestamp: timemodified, format})));
            for (const [index, conversation] of added.entries()) {
                const context = {...conversation, timemodified: dates[index]};
                const {html, js} = await Templates.renderForPromise('local_aisidecar/history_entry', context);
                Templates.appendNodeContents(this.list, html, js);
            }
            this.more.hidden = !more;
            if (added.length > 0) {
                this.list.querySelector(`[data-id="${added[0].id}"] a`).focus();
            }
        } finally {
            this.more.disabled = false;
        }
    }
}

/**
 * Bring the list to life.
 *
 * @param {object} config
 * @param {number} config.contextid
 */
export const init = ({contextid}) => {
    new History(document.querySelector('[data-region="history"]'), contextid);
};
