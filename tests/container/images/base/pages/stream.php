<?php

declare(strict_types=1);

use OpenaiMoodleSidecar\Error\SidecarError;
use OpenaiMoodleSidecar\Event\Delta;
use OpenaiMoodleSidecar\Request;

require __DIR__ . '/_ask.php';

ini_set('max_execution_time', '0');
while (ob_get_level() > 0) {
    ob_end_clean();
}
try {
    foreach (client()->stream(Request::chat('What is a prime?')) as $event) {
        if ($event instanceof Delta) {
            echo $event->text, "\n";
            flush();
        }
    }
    echo "end: done\n";
} catch (SidecarError $error) {
    echo "end: $error->errorCode\n";
}
