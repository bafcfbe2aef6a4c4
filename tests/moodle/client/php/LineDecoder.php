<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests;

use OpenaiMoodleSidecar\Error\ProtocolViolation;
use OpenaiMoodleSidecar\Wire\FrameDecoder;

/** Lines as SPEC.md 2.3 has them. The client has no use for them: this shows that the section is enough to write one. */
final class LineDecoder
{
    private const WHITE_SPACE = "\t\n\r ";

    private string $bytes = '';

    private bool $isAtEnd = false;

    public function __construct(private readonly int $maxPayloadBytes = FrameDecoder::MAX_PAYLOAD_BYTES)
    {
    }

    public function feed(string $chunk): void
    {
        $this->bytes .= $chunk;
    }

    public function end(): void
    {
        $this->isAtEnd = true;
    }

    public function pendingBytes(): int
    {
        return strlen($this->bytes);
    }

    public function next(): ?string
    {
        do {
            $end = strpos($this->bytes, "\n");
            if (($end === false ? strlen($this->bytes) : $end) > $this->maxPayloadBytes) {
                throw new ProtocolViolation("A line has at most $this->maxPayloadBytes bytes.", 'too_large');
            }
            if ($end === false && !($this->isAtEnd && $this->bytes !== '')) {
                return null;
            }
            $payload = trim($end === false ? $this->bytes : substr($this->bytes, 0, $end), self::WHITE_SPACE);
            $this->bytes = $end === false ? '' : substr($this->bytes, $end + 1);
        } while ($payload === '');
        return $payload;
    }
}
