<?php

/**
 * What PHP code can do to get at the key, which it is told in part: everything that it finds the other part behind.
 *
 * Looks at its environment, at that, the memory and the files of each process, and into each file that it can read.
 */

declare(strict_types=1);

ini_set('max_execution_time', '0');
ini_set('memory_limit', '-1');
$needle = strrev($_GET['yek']); // the right way round it would be found in our own memory
$found = $opened = $signalled = [];
$seen = 0;

$look = static function (string $where, string|false $text) use ($needle, &$found, &$seen): void {
    $seen += $text === false || $text === '' ? 0 : 1;
    if ($text !== false && str_contains($text, $needle)) {
        $found[] = $where;
    }
};

$look('getenv', serialize(getenv()));
$look('$_SERVER and $_ENV', serialize([$_SERVER, $_ENV]));
ob_start();
phpinfo();
$look('phpinfo', ob_get_clean());
$processes = [];
foreach (glob('/proc/[0-9]*') as $process) {
    $processes[$process] = trim((string) @file_get_contents("$process/comm"));
    if ((int) basename($process) === getmypid()) {
        continue;
    }
    if (@fopen("$process/mem", 'rb') !== false) {
        $opened[] = $processes[$process];
    }
    foreach (['environ', 'cmdline', 'auxv', 'stack'] as $file) {
        $look("$process/$file", @file_get_contents("$process/$file", false, null, 0, 1 << 20));
    }
    foreach (@scandir("$process/fd") ?: [] as $fd) {
        if (is_file("$process/fd/$fd")) {
            $look("$process/fd/$fd", @file_get_contents("$process/fd/$fd", false, null, 0, 1 << 20));
        }
    }
    // A debugger's way, PTRACE_ATTACH, and that of whoever wants a core dump.
    $attach = 'python3 -c "import ctypes,sys; print(ctypes.CDLL(None).ptrace(16, int(sys.argv[1]), 0, 0))" ';
    if (shell_exec($attach . basename($process)) === "0\n") {
        $opened[] = $processes[$process];
    }
    if (@posix_kill((int) basename($process), 0)) {
        $signalled[] = $processes[$process];
    }
}
$skipped = '#^/(proc|sys|dev|usr/(bin|lib|share|sbin))/#';
$walk = static function (string $folder) use (&$walk, $skipped, $look): void {
    foreach (@scandir("$folder/") ?: [] as $name) {
        $path = "$folder/$name";
        if ($name === '.' || $name === '..' || preg_match($skipped, "$path/") || is_link($path)) {
            continue;
        }
        is_dir($path) ? $walk($path) : (is_file($path) && $look($path, @file_get_contents($path)));
    }
};
$walk('');
// A sidecar of our own is told where the key is.
$places = [
    'OPENAI_API_KEY_FILE' => '/run/secrets/openai_api_key',
    'SIDECAR_ENV_FILE' => '/run/openai-moodle-sidecar/php.env',
];
$doctor = ['/usr/local/bin/openai-moodle-sidecar', 'doctor', '--json'];
foreach ($places as $name => $path) {
    $child = proc_open($doctor, [['pipe', 'r'], ['pipe', 'w'], ['pipe', 'w']], $ends, '/', [$name => $path]);
    fclose($ends[0]);
    $look("doctor with $name", stream_get_contents($ends[1]) . stream_get_contents($ends[2]));
    proc_close($child);
}
echo json_encode([
    'user' => posix_getpwuid(posix_geteuid())['name'],
    'found' => $found,
    'looked at' => $seen,
    'processes' => array_values($processes),
    'opened' => array_values(array_unique($opened)),
    'signalled' => array_values(array_unique($signalled)),
]);
