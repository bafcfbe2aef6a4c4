<?php

/** Relays an answer itself, for comparison. @license https://www.gnu.org/licenses/gpl-3.0.html GPL-3.0-or-later */

declare(strict_types=1);

require __DIR__ . '/common.php';

use OpenaiMoodleSidecar\Event\Delta;
use OpenaiMoodleSidecar\Request;

require_login();
header('Content-Type: text/event-stream');
header('X-Accel-Buffering: no');
while (ob_get_level()) {
    ob_end_clean();
}
foreach (sidecar()->stream(Request::chat($_POST['prompt'], ['user_id' => '42'])) as $event) {
    if ($event instanceof Delta) {
        echo "event: delta\nid: {$event->seq}\ndata: ", json_encode(['text' => $event->text]), "\n\n";
        flush();
    }
}
echo "event: done\ndata: {}\n\n";
