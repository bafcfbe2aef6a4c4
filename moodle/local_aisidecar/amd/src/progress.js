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
 * The words for how far the work is that comes before the first word of an answer.
 *
 * @module     local_aisidecar/progress
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

/** The stages of protocol/SPEC.md 4.3, and the strings of their names. */
const STAGES = {
    'summarizing': 'stage_summarizing',
    'reading': 'stage_reading',
    'background': 'stage_background',
    'summarizing the context': 'stage_context',
    'summarizing the conversation': 'stage_conversation',
    'analyzing': 'stage_analyzing',
    'analyzing once more': 'stage_analyzing',
};

/**
 * Which string says it.
 *
 * @param {{stage: string, done: number, total: number}} progress
 * @returns {{key: string, stage: (string|undefined), param: *}|null} Key and parameter; stage: the key of the string that belongs
 *     into the parameter as `stage`. Null: nothing to say any more.
 */
export const describeProgress = ({stage, done, total}) => {
    if (stage === 'queued') {
        return total > done ? {key: 'progress_queued', param: total - done} : null;
    }
    const joining = stage.endsWith(': joining');
    const name = joining ? 'stage_joining' : STAGES[stage];
    if (!name) {
        // A stage of a later version: to be shown as it is.
        return {key: 'progress_parts', param: {stage, done, total}};
    }
    if (total <= 1) {
        return {key: name, param: null};
    }
    return {key: 'progress_parts', stage: name, param: {done, total}};
};
