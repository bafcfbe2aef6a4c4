<?php

/**
 * Passes a chat on to the browser as it is written: POST `content`, read Server-Sent Events.
 *
 *     SIDECAR_SOCKET=/run/openai-moodle-sidecar/sidecar.sock php -S 127.0.0.1:8080 -t moodle/client/examples
 *     curl -N --data-urlencode 'content=What is a prime?' http://127.0.0.1:8080/relay.php
 *
 * It holds a PHP worker for as long as the answer takes. Before this may face a browser it must ask who that is: login,
 * session key, capability, and release the session (in Moodle: `\core\session\manager::write_close()`).
 */

declare(strict_types=1);

use OpenaiMoodleSidecar\Client;
use OpenaiMoodleSidecar\Error\BrowserLeft;
use OpenaiMoodleSidecar\Error\SidecarError;
use OpenaiMoodleSidecar\Error\SidecarException;
use OpenaiMoodleSidecar\Request;
use OpenaiMoodleSidecar\ServerSentEvents;
use OpenaiMoodleSidecar\Settings;

require __DIR__ . '/../autoload.php';

// To be told that the browser has left, and what that answer has cost, instead of being ended in the middle of a write.
// By ini_set, since hosts like to disable the functions that are called so.
ini_set('ignore_user_abort', '1');
ini_set('max_execution_time', '0');
while (ob_get_level() > 0) {
    ob_end_clean();
}

if ($_SERVER['REQUEST_METHOD'] !== 'POST' || !is_string($_POST['content'] ?? null)) {
    http_response_code(400);
    exit("POST one field, content.\n");
}

$socket = getenv('SIDECAR_SOCKET');
$client = new Client(is_string($socket) ? new Settings(socket: $socket) : new Settings());
try {
    $events = $client->stream(Request::chat($_POST['content']));
} catch (SidecarException $exception) {
    error_log("openai-moodle-sidecar: {$exception->getMessage()}");
    http_response_code($exception->getCode());
    if ($exception instanceof SidecarError && $exception->retryAfter !== null) {
        header('Retry-After: ' . (int) ceil($exception->retryAfter));
    }
    header('Content-Type: application/json');
    exit(ServerSentEvents::refusal($exception));
}

array_map(header(...), ServerSentEvents::HEADERS);
try {
    foreach ($events as $event) {
        echo ServerSentEvents::event($event);
        flush();
    }
} catch (BrowserLeft $exception) {
    $tokens = $exception->usage->completionTokens ?? 'an unknown number of';
    error_log("openai-moodle-sidecar: the browser left after $tokens tokens.");
} catch (SidecarException $exception) {
    error_log("openai-moodle-sidecar: {$exception->getMessage()}");
    echo ServerSentEvents::error($exception);
}
