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
 * The text of a page, as a model can read it: what is seen of the main region, headings and lists marked, without navigation.
 *
 * @module     local_aisidecar/pagetext
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

const MAIN = '[role="main"]';

/** What is no part of the text: ways to somewhere else, controls, and what draws formulas that stand there as source, too. */
const SKIPPED = [
    '.local_aisidecar', 'nav', '[role="navigation"]', '[role="dialog"]', '[role="tooltip"]', '[aria-hidden="true"]', '[hidden]',
    'style', 'noscript', 'template', 'svg', 'iframe', 'object', 'audio', 'video', 'canvas',
    'button', '[role="button"]', 'select', 'input', 'textarea', '.dropdown-menu', '.breadcrumb', '.pagination',
    '.activity-navigation', '.tertiary-navigation', '.secondary-navigation', '.activity-header', '.section_availability',
    '.modified',
    '.sr-only', '.visually-hidden', '.accesshide', '.MathJax', '.MathJax_Display', '.MathJax_Preview', '.MJX_Assistive_MathML',
].join(',');

const isMathematics = element => element.nodeName === 'SCRIPT' && /^math\/tex/.test(element.type);

const mark = element => {
    if (/^H[1-6]$/.test(element.nodeName)) {
        return `${'#'.repeat(Number(element.nodeName[1]))} `;
    }
    return element.nodeName === 'LI' ? '- ' : '';
};

/**
 * Write an element's text behind what is there.
 *
 * @param {Node} node
 * @param {string[]} parts
 * @param {boolean} preformatted
 */
const collect = (node, parts, preformatted) => {
    if (node.nodeType === Node.TEXT_NODE) {
        parts.push(preformatted ? node.data : node.data.replace(/\s+/g, ' '));
        return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE) {
        return;
    }
    if (isMathematics(node)) {
        parts.push(`\\(${node.textContent}\\)`);
        return;
    }
    if (node.nodeName === 'SCRIPT' || node.matches(SKIPPED)) {
        return;
    }
    if (node.nodeName === 'IMG') {
        parts.push(node.alt ? ` [${node.alt}] ` : '');
        return;
    }
    if (node.nodeName === 'BR') {
        parts.push('\n');
        return;
    }
    const style = getComputedStyle(node);
    if (style.display === 'none' || style.visibility === 'hidden') {
        return;
    }
    const inline = style.display.startsWith('inline') || style.display === 'contents';
    const cell = style.display === 'table-cell';
    if (!inline) {
        parts.push(cell ? ' | ' : '\n', mark(node));
    }
    for (const child of node.childNodes) {
        collect(child, parts, style.whiteSpace.startsWith('pre'));
    }
    if (!inline && !cell) {
        parts.push(node.nodeName === 'LI' || style.display === 'table-row' ? '\n' : '\n\n');
    }
};

const tidy = text => text
    .replace(/[^\S\n]+/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n(?:- \n+)?(?=- )/g, '\n')
    // The text of a heading or an item may be in a block of its own.
    .replace(/^(#{1,6}|-) ?\n+(?=[^\n])/gm, '$1 ')
    .replace(/^- (?=[#-])/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim();

/**
 * The text of this page's main region, or '' where it has none.
 *
 * @returns {string}
 */
export const getPageText = () => {
    const main = document.querySelector(MAIN);
    if (!main) {
        return '';
    }
    const parts = [];
    main.childNodes.forEach(child => collect(child, parts, false));
    const title = document.querySelector('#page-header h1, h1')?.textContent.trim();
    const text = tidy(parts.join(''));
    const hasTitle = !title || text.replace(/^[#\s]+/, '').startsWith(title);
    return text === '' || hasTitle ? text : `# ${title}\n\n${text}`;
};

/**
 * The text that is selected on the page, the drawer's own left out.
 *
 * @returns {string}
 */
export const getSelectedText = () => {
    const selection = window.getSelection();
    const node = selection?.anchorNode;
    const element = node?.nodeType === Node.ELEMENT_NODE ? node : node?.parentElement;
    if (!element || element.closest('.local_aisidecar') || !element.closest(MAIN)) {
        return '';
    }
    return selection.toString().trim();
};
