<?php

/** Begins an answer and is done. @license https://www.gnu.org/licenses/gpl-3.0.html GPL-3.0-or-later */

declare(strict_types=1);

require __DIR__ . '/common.php';

use OpenaiMoodleSidecar\Request;

require_login();
$fields = ['user_id' => '42', 'detach' => true, 'ticket' => true];
hand_over(sidecar()->start(Request::chat($_POST['prompt'], $fields))->ticket);
