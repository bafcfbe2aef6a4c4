<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Wire;

use OpenaiMoodleSidecar\Error\ProtocolViolation;

/**
 * Bytes in any pieces -> payloads. Rules: SPEC.md 2.2.
 *
 * @internal
 */
final class FrameDecoder
{
    /** The most that a frame can hold, so that its first byte is always zero. */
    public const MAX_PAYLOAD_BYTES = 8_388_608;

    private const HEADER_BYTES = 4;

    private string $bytes = '';

    /** Where in $bytes the next frame begins. */
    private int $start = 0;

    public function __construct(private readonly int $maxPayloadBytes = self::MAX_PAYLOAD_BYTES)
    {
    }

    /** Makes the frame that holds `$payload`. */
    public static function encode(string $payload): string
    {
        return pack('N', strlen($payload)) . $payload;
    }

    public function feed(string $chunk): void
    {
        if ($this->start > 0) {
            $this->bytes = substr($this->bytes, $this->start);
            $this->start = 0;
        }
        $this->bytes .= $chunk;
    }

    /** How many bytes wait for more. */
    public function pendingBytes(): int
    {
        return strlen($this->bytes) - $this->start;
    }

    /**
     * Takes the next payload, or null where it is not whole yet.
     *
     * @throws ProtocolViolation What comes is no frame, or one beyond the limit: as soon as its header tells.
     */
    public function next(): ?string
    {
        $pending = $this->pendingBytes();
        if ($pending > 0 && $this->bytes[$this->start] !== "\0") {
            throw new ProtocolViolation('The first byte of a frame is zero; this one is not.', 'bad_frame');
        }
        if ($pending < self::HEADER_BYTES) {
            return null;
        }
        /** @var array{length: int} $header */
        $header = unpack('Nlength', $this->bytes, $this->start);
        $length = $header['length'];
        if ($length === 0) {
            throw new ProtocolViolation('A frame has a payload; this one has none.', 'bad_frame');
        }
        if ($length > $this->maxPayloadBytes) {
            $limit = $this->maxPayloadBytes;
            throw new ProtocolViolation("A frame has at most $limit bytes; this one has $length.", 'too_large');
        }
        if ($pending < self::HEADER_BYTES + $length) {
            return null;
        }
        $payload = substr($this->bytes, $this->start + self::HEADER_BYTES, $length);
        $this->start += self::HEADER_BYTES + $length;
        return $payload;
    }

    /** @return array<string, mixed> What dumps may show: not what a model wrote. */
    public function __debugInfo(): array
    {
        return ['pendingBytes' => $this->pendingBytes()];
    }
}
