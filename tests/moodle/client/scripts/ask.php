<?php

/**
 * Asks once, as a page would, and prints what came of it: `ask.php SETTINGS [WAY]`, the settings as JSON.
 *
 * WAY is ask (the default), status, start, or leave: read until the first token, then stop. As root it becomes `user`.
 */

declare(strict_types=1);

use OpenaiMoodleSidecar\Client;
use OpenaiMoodleSidecar\Deadlines;
use OpenaiMoodleSidecar\Error\SidecarException;
use OpenaiMoodleSidecar\Event\Delta;
use OpenaiMoodleSidecar\Request;
use OpenaiMoodleSidecar\Settings;

$source = dirname(__DIR__, 4) . '/moodle/client/src';
require "$source/../autoload.php";

$given = json_decode($argv[1], true, flags: JSON_THROW_ON_ERROR);
$given['deadlines'] = new Deadlines(...$given['deadlines'] ?? []);
$fields = $given['fields'] ?? [];
if (isset($given['user']) && posix_geteuid() === 0) {
    // That user may not be able to read the sources.
    $files = new RecursiveIteratorIterator(new RecursiveDirectoryIterator($source));
    foreach (new RegexIterator($files, '/\.php$/') as $file) {
        require_once $file;
    }
    posix_setgid($given['user']) && posix_setuid($given['user']);
}
unset($given['fields'], $given['user']);
$client = new Client(new Settings(...$given));
try {
    $result = match ($argv[2] ?? 'ask') {
        'ask' => $client->ask(Request::chat('Hi', $fields))->text,
        'status' => $client->status()->version,
        'start' => $client->start(Request::chat('Hi', $fields))->reply,
        'leave' => (static function () use ($client): string {
            foreach ($client->stream(Request::chat('Hi')) as $event) {
                if ($event instanceof Delta) {
                    return $event->text;
                }
            }
            return '';
        })(),
    };
} catch (SidecarException $exception) {
    $result = basename(str_replace('\\', '/', get_class($exception))) . ": {$exception->getMessage()}";
}
echo $result;
