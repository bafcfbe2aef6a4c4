<?php

/** The fallback of a plugin that was made for the older sidecar: a child with PHP's own environment, one line of JSON. */

declare(strict_types=1);

$command = ['/usr/local/bin/openai-moodle-sidecar', '--api-key', 'sk-not-read', '--max-tokens', '50'];
$child = proc_open($command, [['pipe', 'r'], ['pipe', 'w'], ['file', '/dev/null', 'w']], $ends);
fwrite($ends[0], json_encode(['action' => 'chat', 'content' => 'Hi', 'context' => null, 'user_id' => 42]) . "\n");
fclose($ends[0]);
echo stream_get_contents($ends[1]);
proc_close($child);
