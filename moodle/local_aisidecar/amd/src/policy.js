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
 * Show the policy and wait for the answer.
 *
 * @param {HTMLElement} region Where to show it; emptied afterwards.
 * @returns {Promise<boolean>} Whether it was accepted.
 */
export const askForConsent = async region => {
    const {html, js} = await Templates.renderForPromise('core_ai/policyblock', {});
    Templates.replaceNodeContents(region, html, js);
    region.hidden = false;
    region.focus();
    return new Promise((resolve, reject) => {
        region.addEventListener('click', async event => {
            const action = event.target.closest('[data-action]')?.dataset.action;
            if (action !== 'accept' && action !== 'decline') {
                return;
            }
            event.preventDefault();
            try {
                if (action === 'accept') {
                    await Policy.acceptPolicy();
                }
            } catch (error) {
                reject(error);
                return;
            }
            region.hidden = true;
            region.replaceChildren();
            resolve(action === 'accept');
        });
    });
};
