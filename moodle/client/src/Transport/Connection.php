<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Transport;

use OpenaiMoodleSidecar\Deadline;
use OpenaiMoodleSidecar\Wire\FrameDecoder;

/**
 * One connection to a sidecar: payloads in and out. Reads and writes are as short as they please.
 *
 * In frames a closed connection cancels whatever of it is not detached (SPEC.md 8.7).
 *
 * @internal
 */
final class Connection
{
    private const CHUNK_BYTES = 65_536;

    /** @var resource|null Null once it is closed. */
    private $readable;

    /** @var resource */
    private $writable;

    private readonly FrameDecoder $frames;

    private string $bytes = '';

    /** How many of $bytes have left. */
    private int $sent = 0;

    /** @param resource $socket */
    public function __construct($socket, private readonly ?ChildProcess $child = null)
    {
        $this->readable = $child === null ? $socket : $child->stdout;
        $this->writable = $socket;
        $this->frames = new FrameDecoder();
        stream_set_blocking($this->readable, false);
        stream_set_blocking($this->writable, false);
        // Else PHP would read a stream in pieces of 8 KiB.
        stream_set_chunk_size($this->readable, self::CHUNK_BYTES);
    }

    public function __destruct()
    {
        $this->close(isDone: false);
    }

    /** Whether all that was given to send has left. Until then no sidecar can have understood it. */
    public function isSent(): bool
    {
        return $this->sent === strlen($this->bytes);
    }

    /** Sends a payload. Where the other end takes no more, or too slowly, `isSent()` tells. */
    public function send(#[\SensitiveParameter] string $payload, Deadline $deadline): void
    {
        $this->bytes = FrameDecoder::encode($payload);
        $this->sent = 0;
        while (!$this->isSent()) {
            $chunk = substr($this->bytes, $this->sent, self::CHUNK_BYTES);
            $count = Quiet::call(fn(): int|false => fwrite($this->writable, $chunk));
            if ($count === false) {
                return;
            }
            $this->sent += $count;
            if ($count === 0 && !$this->wait($deadline, null, $this->writable)) {
                return;
            }
        }
    }

    /**
     * Waits for a payload; null where none came in time.
     *
     * @throws EndOfConnection None will come any more.
     */
    public function receive(Deadline $deadline): ?string
    {
        while (($payload = $this->frames->next()) === null) {
            $readable = $this->readable ?? throw new EndOfConnection('It is closed.');
            $chunk = Quiet::call(static fn(): string|false => fread($readable, self::CHUNK_BYTES));
            if ($chunk !== false && $chunk !== '') {
                $this->frames->feed($chunk);
            } elseif (feof($readable)) {
                throw $this->child?->explainEnd() ?? new EndOfConnection('The sidecar closed the connection.');
            } elseif (!$this->wait($deadline, $readable, null)) {
                return null;
            }
        }
        return $payload;
    }

    /** Closes it. `$isDone`: all that was asked for is answered, so that a child may end in its own time. */
    public function close(bool $isDone): void
    {
        if ($this->readable === null) {
            return;
        }
        [$readable, $this->readable] = [$this->readable, null];
        fclose($this->writable);
        if ($this->child !== null) {
            fclose($readable);
            $this->child->end($isDone);
        }
    }

    /**
     * Waits until one of the streams is ready; false where the deadline is over before.
     *
     * @param resource|null $readable
     * @param resource|null $writable
     */
    private function wait(Deadline $deadline, $readable, $writable): bool
    {
        while (($left = $deadline->left()) > 0) {
            $noise = $this->child?->stderr();
            $reads = array_filter([$readable, $noise]);
            $writes = array_filter([$writable]);
            $excepts = null;
            $seconds = (int) $left;
            $microseconds = (int) (($left - $seconds) * 1e6);
            $count = Quiet::call(static function () use (&$reads, &$writes, &$excepts, $seconds, $microseconds) {
                return stream_select($reads, $writes, $excepts, $seconds, $microseconds);
            });
            if ($count === false) {
                // A signal came in between, or a descriptor is above what select takes (1023): look after a while.
                usleep(1000);
                $this->child?->readStderr();
                return true;
            }
            if ($noise !== null && in_array($noise, $reads, true)) {
                $this->child?->readStderr();
                $count--;
            }
            if ($count > 0) {
                return true;
            }
        }
        return false;
    }

    /** @return array<string, mixed> What dumps may show: not what people wrote. */
    public function __debugInfo(): array
    {
        return ['isSent' => $this->isSent(), 'isClosed' => $this->readable === null];
    }
}
