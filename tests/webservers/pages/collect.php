<?php

/** Takes a whole answer from the sidecar. @license https://www.gnu.org/licenses/gpl-3.0.html GPL-3.0-or-later */

declare(strict_types=1);

require __DIR__ . '/common.php';

use OpenaiMoodleSidecar\Request;

require_login();
echo sidecar()->ask(Request::resume($_POST['reply'], 0, '42'))->text;
