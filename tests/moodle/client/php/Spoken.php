<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

/** What a played sidecar says. */
final class Spoken
{
    public const START = ['event' => 'start', 'reply' => 'r_1', 'model' => 'm'];
    public const DELTA = ['event' => 'delta', 'seq' => 1, 'text' => 'Prímes '];
    public const PING = ['event' => 'ping'];
    public const USAGE = ['prompt_tokens' => 9, 'completion_tokens' => 4];
    public const DONE = ['event' => 'done', 'finish_reason' => 'stop', 'usage' => self::USAGE];
    public const CANCELLED = ['event' => 'error', 'code' => 'cancelled', 'message' => 'No.', 'usage' => self::USAGE];
    public const ANSWER = ['success' => true, 'data' => 'x', 'reply' => 'r_1', 'model' => 'm'];
}
