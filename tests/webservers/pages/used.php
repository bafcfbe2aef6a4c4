<?php

/** Hands a ticket over that is none. @license https://www.gnu.org/licenses/gpl-3.0.html GPL-3.0-or-later */

declare(strict_types=1);

require __DIR__ . '/common.php';

hand_over('t_used');
