<?php

/** Plays a sidecar on stdio: `child.php MODE [FILE]`. Reads one request in frames; what it answers is told by the mode. */

declare(strict_types=1);

[, $mode, $file] = $argv + ['', '', ''];

if ($mode === 'wrong setting') {
    fwrite(STDERR, "openai-moodle-sidecar: version 0\nopenai-moodle-sidecar: OPENAI_MODEL is not set.\n");
    exit(78);
}
if ($file !== '') {
    file_put_contents($file, (string) getmypid());
}
if ($mode === 'talkative') {
    fwrite(STDERR, str_repeat("A line of a log.\n", 20_000));
}

['length' => $length] = unpack('Nlength', (string) fread(STDIN, 4)) ?: ['length' => 0];
$request = json_decode((string) fread(STDIN, $length), true, flags: JSON_THROW_ON_ERROR);

if ($mode === 'dying') {
    fwrite(STDERR, "A bug.\n");
    exit(70);
}
$data = match ($mode) {
    'surroundings' => json_encode(['environment' => getenv(), 'folder' => getcwd(), 'words' => $argv]),
    default => 'Hello',
};
$start = ['event' => 'start', 'id' => $request['id'], 'reply' => 'r_1', 'model' => 'm'];
$answer = ['success' => true, 'data' => $data, 'id' => $request['id']];
$payload = json_encode($mode === 'endless' ? $start : $answer, JSON_THROW_ON_ERROR);
fwrite(STDOUT, pack('N', strlen($payload)) . $payload);
if ($mode === 'endless') {
    pcntl_signal(SIGTERM, SIG_IGN);
    pcntl_signal(SIGPIPE, SIG_IGN);
    while (true) {
        sleep(30);
    }
}
fread(STDIN, 1);
