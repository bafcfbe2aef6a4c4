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
 * Asks for the consent to core's AI policy, once per user. The server asks for it, too, at every request.
 *
 * @module     local_aisidecar/policy
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import Policy from 'core_ai/policy';
import Templates from 'core/templates';

/**
 * Wait for a click on Accept or Decline, and pass it on.
 *
 * @param {HTMLElement} region
 * @returns {Promise<boolean>}
 */
const answerIn = region => new Promise((resolve, reject) => {
    region.querySelector('[data-action="accept"]').addEventListener('click', () => {
        Policy.acceptPolicy().then(() => resolve(true)).catch(reject);
    });
    region.querySelector('[data-action="decline"]').addEventListener('click', () => resolve(false));
});

/** While it is asked, nothing else is there. */
const UNDECIDED = 'local_aisidecar-undecided';

/**
 * Show the policy and wait for the answer.
 *
 * @param {HTMLElement} root The plugin's part of the page.
 * @returns {Promise<boolean>} Whether it was accepted.
 */
export const askForConsent = async root => {
    const region = root.querySelector('[data-region="policy"]');
    root.classList.add(UNDECIDED);
    const {html, js} = await Templates.renderForPromise('core_ai/policyblock', {});
    Templates.replaceNodeContents(region, html, js);
    region.hidden = false;
    region.focus();
    const accepted = await answerIn(region);
    region.hidden = true;
    region.replaceChildren();
    root.classList.toggle(UNDECIDED, !accepted);
    return accepted;
};
