<?php

/** Loads the client, the PHPUnit tests and what they share. */

declare(strict_types=1);

require __DIR__ . '/../../../../moodle/client/autoload.php';

spl_autoload_register(static function (string $class): void {
    $prefix = 'OpenaiMoodleSidecar\\Tests\\';
    if (str_starts_with($class, $prefix)) {
        require __DIR__ . '/' . str_replace('\\', '/', substr($class, strlen($prefix))) . '.php';
    }
});
