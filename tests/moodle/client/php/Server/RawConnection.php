<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Tests\Server;

use OpenaiMoodleSidecar\Transport\ChildProcess;
use OpenaiMoodleSidecar\Wire\FrameDecoder;
use PHPUnit\Framework\Assert;

/** A connection on which a test may say anything. Every wait is bounded. */
final class RawConnection
{
    private const PATIENCE_SECONDS = 15;

    private readonly FrameDecoder $frames;

    private bool $isClosed = false;

    /**
     * @param resource $writable
     * @param resource $readable
     */
    public function __construct(private $writable, private $readable, private readonly ?ChildProcess $child = null)
    {
        $this->frames = new FrameDecoder();
        stream_set_timeout($readable, self::PATIENCE_SECONDS);
        stream_set_read_buffer($readable, 0);
    }

    public function __destruct()
    {
        $this->close();
    }

    /** @param array<string, mixed> ...$requests In frames. */
    public function send(array ...$requests): void
    {
        $frames = '';
        foreach ($requests as $request) {
            $frames .= FrameDecoder::encode(json_encode($request, JSON_THROW_ON_ERROR));
        }
        $this->sendBytes($frames);
    }

    /** Sends what is taken; false where the other end takes no more. */
    public function sendBytes(string $bytes): bool
    {
        while ($bytes !== '') {
            $count = @fwrite($this->writable, $bytes);
            if ($count === false || $count === 0) {
                return false;
            }
            $bytes = substr($bytes, $count);
        }
        return true;
    }

    /** @return array<string, mixed>|null The next message that is no heartbeat; null where the server has closed. */
    public function receive(): ?array
    {
        do {
            while (($payload = $this->frames->next()) === null) {
                $chunk = $this->readBytes();
                if ($chunk === '') {
                    return null;
                }
                $this->frames->feed($chunk);
            }
            $message = json_decode($payload, true, flags: JSON_THROW_ON_ERROR);
        } while ($message === ['event' => 'ping']);
        return $message;
    }

    /** @return list<array<string, mixed>> All messages until one ends the request $id. */
    public function receiveUntilEnd(string $id): array
    {
        $messages = [];
        do {
            $message = $this->receive();
            Assert::assertNotNull($message, "The connection ended before $id did.");
            $messages[] = $message;
            $isEnd = isset($message['success']) || in_array($message['event'], ['done', 'error'], true);
        } while (!($isEnd && ($message['id'] ?? null) === $id));
        return $messages;
    }

    /** @return list<array<string, mixed>> All messages until the server closes. */
    public function receiveRest(): array
    {
        for ($messages = []; ($message = $this->receive()) !== null; $messages[] = $message) {
        }
        return $messages;
    }

    /** Reads what there is, and waits for something; '' at the end. */
    public function readBytes(): string
    {
        $chunk = (string) @fread($this->readable, 65536);
        Assert::assertFalse(stream_get_meta_data($this->readable)['timed_out'], 'The server fell silent.');
        $this->child?->readStderr();
        return $chunk;
    }

    public function readToEnd(): string
    {
        for ($all = ''; ($chunk = $this->readBytes()) !== ''; $all .= $chunk) {
        }
        return $all;
    }

    /** Says that there are no more requests. */
    public function endInput(): void
    {
        if ($this->child !== null) {
            fclose($this->writable);
        } else {
            stream_socket_shutdown($this->writable, STREAM_SHUT_WR);
        }
    }

    /** Leaves by RST. */
    public function reset(): void
    {
        $socket = socket_import_stream($this->writable);
        Assert::assertNotFalse($socket);
        socket_set_option($socket, SOL_SOCKET, SO_LINGER, ['l_onoff' => 1, 'l_linger' => 0]);
        fclose($this->writable);
    }

    public function close(): void
    {
        if ($this->isClosed) {
            return;
        }
        $this->isClosed = true;
        foreach (array_unique([$this->writable, $this->readable]) as $stream) {
            if (is_resource($stream)) {
                fclose($stream);
            }
        }
        $this->child?->end(isDone: false);
    }
}
