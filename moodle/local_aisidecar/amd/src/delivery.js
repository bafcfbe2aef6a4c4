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
 * The page on which an administrator tests how answers reach a browser: measures each way, shows it, and reports it.
 *
 * @module     local_aisidecar/delivery
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import {getString} from 'core/str';
import {copy} from './clipboard';
import {measure, STREAMS} from './gaps';
import {ports} from './ports';
import {reportDelivery} from './repository';
import {explain} from './words';

const COMPONENT = 'local_aisidecar';

/** A gap of so many milliseconds is as broad as the card. */
const BROADEST_MS = 400;

/** How a verdict looks. */
const BADGES = {streams: 'success', held: 'warning', failed: 'danger', absent: 'secondary'};

const part = (card, name) => card.querySelector(`[data-region="${name}"]`);

/**
 * Draw a gap.
 *
 * @param {HTMLElement} list
 * @param {number} gap
 */
const draw = async(list, gap) => {
    const item = document.createElement('li');
    const bar = document.createElement('span');
    bar.className = 'local_aisidecar-bar';
    bar.style.width = `${Math.max(1, Math.min(100, 100 * gap / BROADEST_MS))}%`;
    list.append(item);
    const label = document.createElement('span');
    label.textContent = await getString('delivery_gap', COMPONENT, gap);
    item.append(bar, label);
};

/**
 * Say what was found.
 *
 * @param {HTMLElement} card
 * @param {object} result
 * @param {string} result.verdict
 * @param {number} result.status
 * @param {string} result.words
 * @param {boolean} isNeeded Whether no better way works, so that this one should.
 */
const showVerdict = async(card, {verdict, status, words}, isNeeded) => {
    const badge = part(card, 'verdict');
    badge.className = `local_aisidecar-verdict badge text-bg-${BADGES[verdict]} badge-${BADGES[verdict]}`;
    badge.textContent = await getString(`delivery_${verdict}`, COMPONENT);
    const result = part(card, 'result');
    result.hidden = false;
    result.textContent = words || await getString(`delivery_${verdict}_help`, COMPONENT, status || '–');
    if (part(card, 'fix')) {
        part(card, 'fix').open = isNeeded && verdict !== STREAMS;
    }
};

const test = async(card, url, isNeeded) => {
    const gaps = part(card, 'gaps');
    gaps.replaceChildren();
    gaps.hidden = false;
    part(card, 'result').hidden = true;
    const badge = part(card, 'verdict');
    badge.className = 'local_aisidecar-verdict badge text-bg-info badge-info';
    badge.textContent = await getString('delivery_running', COMPONENT);
    const result = await measure(card.dataset.mode, url, gap => draw(gaps, gap), {...ports, now: () => performance.now()});
    gaps.hidden = result.gaps.length === 0;
    await showVerdict(card, result, isNeeded);
    return result;
};

const report = async(root, results) => {
    const summary = part(root, 'summary');
    try {
        const {delivery, message} = await reportDelivery(results.map(({mode, verdict, gaps}) => ({mode, verdict, gaps})));
        summary.className = 'local_aisidecar-summary alert alert-success';
        summary.textContent = message;
        part(root, 'current').textContent = await getString(`delivery_${delivery}`, COMPONENT);
    } catch (error) {
        summary.className = 'local_aisidecar-summary alert alert-danger';
        summary.textContent = await explain(error);
    }
};

/**
 * Bring the page to life.
 *
 * @param {object} config
 * @param {string} config.selftesturl
 */
export const init = ({selftesturl}) => {
    const root = document.querySelector('[data-region="delivery"]');
    const button = root.querySelector('[data-action="run"]');
    button.addEventListener('click', async() => {
        button.disabled = true;
        part(root, 'summary').className = 'local_aisidecar-summary';
        part(root, 'summary').textContent = await getString('delivery_running', COMPONENT);
        const results = [];
        // One after the other: two at once would measure each other.
        for (const card of root.querySelectorAll('[data-mode]')) {
            results.push(await test(card, selftesturl, !results.some(({verdict}) => verdict === STREAMS)));
        }
        await report(root, results);
        button.disabled = false;
        button.focus();
    });
    root.addEventListener('click', event => {
        const copyButton = event.target.closest('[data-action="copyfix"]');
        if (copyButton) {
            copy(part(copyButton.closest('[data-mode]'), 'snippet').textContent);
        }
    });
};
