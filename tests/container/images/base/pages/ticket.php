<?php

declare(strict_types=1);

use OpenaiMoodleSidecar\Request;

require __DIR__ . '/_ask.php';

echo client()->start(Request::chat('What is a prime?', ['detach' => true, 'ticket' => true]))->ticket;
