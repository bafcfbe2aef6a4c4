<?php

/**
 * Speaks as the plugin of the older system does: `old_client.php URL COMMAND REQUEST`, the last two as JSON.
 *
 * POST by curl; where that gives no status 200, the request goes to a child on stdio, and is paid again. Prints the
 * answer, and before it the way by which it came.
 */

declare(strict_types=1);

/** @param array<string, mixed> $request */
function ask_by_http(string $url, array $request): ?string
{
    $curl = curl_init($url);
    if ($curl === false) {
        return null;
    }
    curl_setopt_array($curl, [
        CURLOPT_POST => true,
        CURLOPT_POSTFIELDS => json_encode($request),
        CURLOPT_HTTPHEADER => ['Content-Type: application/json', 'Accept: application/json'],
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 30,
        CURLOPT_CONNECTTIMEOUT => 5,
    ]);
    $body = curl_exec($curl);
    $status = curl_getinfo($curl, CURLINFO_HTTP_CODE);
    return is_string($body) && $status === 200 ? $body : null;
}

/**
 * @param list<string> $command
 * @param array<string, mixed> $request
 */
function ask_by_stdio(array $command, array $request): ?string
{
    $process = proc_open($command, [['pipe', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes);
    if ($process === false) {
        return null;
    }
    fwrite($pipes[0], json_encode($request) . "\n");
    fclose($pipes[0]);
    $output = stream_get_contents($pipes[1]);
    fwrite(STDERR, (string) stream_get_contents($pipes[2]));
    proc_close($process);
    return is_string($output) ? trim($output) : null;
}

[, $url, $command, $request] = $argv;
$request = json_decode($request, true);
$answer = $url === '' ? null : ask_by_http($url, $request);
$way = 'http';
if ($answer === null) {
    $answer = ask_by_stdio(json_decode($command, true), $request);
    $way = 'stdio';
}
echo "$way\n$answer";
