<?php

declare(strict_types=1);

use OpenaiMoodleSidecar\Error\SidecarException;
use OpenaiMoodleSidecar\Request;

require __DIR__ . '/_ask.php';

$action = $_GET['action'] ?? 'chat';
try {
    echo json_encode(['text' => client()->ask(Request::$action($_GET['content'] ?? 'What is a prime?'))->text]);
} catch (SidecarException $exception) {
    echo json_encode(['error' => $exception->getMessage(), 'reasons' => $exception->reasons ?? []]);
}
