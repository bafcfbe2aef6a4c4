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
 * The drawer as a place: open and closed, where the focus is, and what is beside it on the page.
 *
 * @module     local_aisidecar/frame
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

import DrawerEvents from 'core/drawer_events';
import {subscribe} from 'core/pubsub';
import * as FocusLock from 'core/local/aria/focuslock';

/** As in styles.css: below this width the drawer takes the whole screen. */
const FULL_SCREEN = '(max-width: 767.98px)';

/**
 * Tell Moodle's menus of the room that the drawer leaves to the page: they look when the window changes, and only then.
 */
const tellOfRoom = () => {
    const page = document.querySelector('#page');
    let width = page?.offsetWidth;
    const look = () => {
        if (page.offsetWidth !== width) {
            width = page.offsetWidth;
            window.dispatchEvent(new Event('resize'));
        }
    };
    if (page) {
        new ResizeObserver(look).observe(page);
    }
};

export default class Frame {
    #screen = window.matchMedia(FULL_SCREEN);
    #locked = false;

    /**
     * @param {HTMLElement} root The plugin's part of the page.
     * @param {function} onClose Called after it was closed.
     */
    constructor(root, onClose) {
        this.drawer = root.querySelector('[data-region="assistant"]');
        this.launcher = root.querySelector('[data-region="launcher"]');
        this.onClose = onClose;
        this.drawer.addEventListener('keydown', event => this.#escape(event));
        this.#screen.addEventListener('change', () => this.isOpen() && this.#fit());
        // One drawer at this side at a time. The other way round, core's message drawer closes itself at a click elsewhere.
        subscribe(DrawerEvents.DRAWER_SHOWN, () => this.isOpen() && this.close({refocus: false}));
        window.visualViewport?.addEventListener('resize', () => this.#aboveKeyboard());
        window.visualViewport?.addEventListener('scroll', () => this.#aboveKeyboard());
        tellOfRoom();
    }

    isOpen() {
        return this.drawer.classList.contains('show');
    }

    /**
     * Whether the drawer covers the page.
     *
     * @returns {boolean}
     */
    isFullScreen() {
        return this.#screen.matches;
    }

    open() {
        this.#belowNavigation();
        this.drawer.classList.add('show');
        this.launcher.setAttribute('aria-expanded', 'true');
        document.body.classList.add('local_aisidecar-open');
        this.#fit();
    }

    /**
     * Close the drawer.
     *
     * @param {object} [options]
     * @param {boolean} [options.refocus=true] Give the focus back to the button that opens it.
     */
    close({refocus = true} = {}) {
        this.#unlock();
        this.drawer.classList.remove('show');
        this.launcher.setAttribute('aria-expanded', 'false');
        document.body.classList.remove('local_aisidecar-open');
        if (refocus) {
            this.launcher.focus();
        }
        this.onClose();
    }

    /**
     * The bar at the top is of another height in each theme.
     */
    #belowNavigation() {
        const bar = document.querySelector('.navbar.fixed-top');
        if (bar) {
            this.drawer.style.setProperty('--aisidecar-top', `${bar.offsetHeight - 1}px`);
        }
    }

    /**
     * On a phone it is a dialog that holds the focus, beside the page a region of it.
     */
    #fit() {
        if (!this.isFullScreen()) {
            this.#unlock();
            return;
        }
        this.drawer.setAttribute('role', 'dialog');
        this.drawer.setAttribute('aria-modal', 'true');
        if (!this.#locked) {
            FocusLock.trapFocus(this.drawer);
            this.#locked = true;
        }
        this.#aboveKeyboard();
    }

    #unlock() {
        if (this.#locked) {
            FocusLock.untrapFocus();
            this.#locked = false;
        }
        this.drawer.setAttribute('role', 'region');
        this.drawer.removeAttribute('aria-modal');
        this.drawer.style.removeProperty('height');
        this.drawer.style.removeProperty('top');
    }

    /**
     * A phone's keyboard covers what is fixed at the bottom, and only the visual viewport knows.
     */
    #aboveKeyboard() {
        const viewport = window.visualViewport;
        if (this.#locked && viewport && viewport.scale === 1) {
            this.drawer.style.height = `${viewport.height}px`;
            this.drawer.style.top = `${viewport.offsetTop}px`;
        }
    }

    #escape(event) {
        if (event.key === 'Escape' && !event.isComposing && !event.defaultPrevented) {
            event.preventDefault();
            this.close();
        }
    }
}
