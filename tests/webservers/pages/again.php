<?php

/** Goes on with an answer after a reload. @license https://www.gnu.org/licenses/gpl-3.0.html GPL-3.0-or-later */

declare(strict_types=1);

require __DIR__ . '/common.php';

require_login();
hand_over(sidecar()->ticket($_POST['reply'], (int) ($_POST['after'] ?? 0), '42')->ticket);
