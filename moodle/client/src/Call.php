<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar;

use OpenaiMoodleSidecar\Error\ConnectionFailed;
use OpenaiMoodleSidecar\Error\ConnectionLost;
use OpenaiMoodleSidecar\Error\DeadlineExceeded;
use OpenaiMoodleSidecar\Error\Forbidden;
use OpenaiMoodleSidecar\Error\ProtocolViolation;
use OpenaiMoodleSidecar\Error\SidecarError;
use OpenaiMoodleSidecar\Error\SidecarException;
use OpenaiMoodleSidecar\Error\Unauthorized;
use OpenaiMoodleSidecar\Event\Done;
use OpenaiMoodleSidecar\Event\Heartbeat;
use OpenaiMoodleSidecar\Transport\Connection;
use OpenaiMoodleSidecar\Transport\EndOfConnection;
use OpenaiMoodleSidecar\Transport\Transport;
use OpenaiMoodleSidecar\Transport\TransportFailed;
use OpenaiMoodleSidecar\Wire\Message;

/**
 * One request on a connection of its own, from the choice of a transport to its end.
 *
 * A request that a sidecar may have understood is never sent again: the model may have been asked, and paid.
 *
 * @internal
 */
final class Call
{
    /** How long a cancelled request is waited for, so that its cost is known. */
    private const CANCEL_SECONDS = 2.0;

    /** The sidecar's first word. */
    public readonly Message $first;

    private readonly Deadline $end;

    private bool $isDone = false;

    private function __construct(
        private readonly string $id,
        private readonly Connection $connection,
        private readonly Deadlines $deadlines,
        #[\SensitiveParameter] string $payload,
        bool $waitsForAnswer,
    ) {
        $this->end = new Deadline($deadlines->total);
        $connection->send($payload, new Deadline($deadlines->firstEvent));
        try {
            $this->first = match (true) {
                !$connection->isSent() => $this->receiveRefusal(),
                $waitsForAnswer => $this->receive('total', $deadlines->total),
                default => $this->receive('firstEvent', $deadlines->firstEvent),
            };
        } catch (EndOfConnection $exception) {
            throw $exception->isUnread
                ? new TransportFailed($exception->getMessage())
                : new ConnectionLost($exception->getMessage());
        }
    }

    /**
     * Sends the request over the first transport that takes it, and waits for the first word.
     *
     * @throws SidecarException It was refused, or could not be spoken of.
     */
    public static function open(Settings $settings, Request $request, bool $stream): self
    {
        $reasons = [];
        foreach (self::inTurn($settings) as $transport) {
            $name = $transport->name();
            if ($request->needsServer() && !$transport->outlivesConnection()) {
                $reasons[$name] = 'It keeps no reply beyond its own connection.';
                continue;
            }
            try {
                return self::openOver($transport, $settings->deadlines, $request, $stream);
            } catch (TransportFailed $exception) {
                $reasons[$name] = $exception->getMessage();
            } catch (Forbidden | Unauthorized $exception) {
                $reasons[$name] = $exception->getMessage();
                $refusal = $exception;
            } catch (DeadlineExceeded | ProtocolViolation $exception) {
                // It may have been understood, so it is not sent again; the next request goes elsewhere first.
                $settings->rest->rest($name, $settings->restSeconds);
                throw $exception;
            }
            $settings->rest->rest($name, $settings->restSeconds);
        }
        throw $refusal ?? new ConnectionFailed($reasons);
    }

    /**
     * The same over one transport only.
     *
     * @throws TransportFailed It does not lead to a sidecar, or that took no request.
     * @throws SidecarException It was refused, or could not be spoken of.
     */
    public static function openOver(Transport $transport, Deadlines $deadlines, Request $request, bool $stream): self
    {
        $id = bin2hex(random_bytes(6));
        $payload = $request->encode($id, $stream, $transport->token());
        $connection = $transport->connect($deadlines->connect);
        try {
            return new self($id, $connection, $deadlines, $payload, waitsForAnswer: !$stream && !$request->isControl());
        } catch (\Throwable $exception) {
            // An exception may hold on to what it came through: nobody else would close it, and end what is paid.
            $connection->close(isDone: false);
            throw $exception;
        }
    }

    /**
     * Waits for the next word.
     *
     * @throws SidecarException The request has failed, or the connection.
     */
    public function next(): Message
    {
        try {
            return $this->receive('silence', $this->deadlines->silence);
        } catch (EndOfConnection $exception) {
            throw new ConnectionLost($exception->getMessage());
        }
    }

    /** Ends the request, and returns what it has cost, if that is known in time. */
    public function cancel(): ?Usage
    {
        $deadline = new Deadline(self::CANCEL_SECONDS);
        $cancel = json_encode(['action' => 'cancel', 'id' => $this->id], JSON_THROW_ON_ERROR);
        try {
            $this->connection->send($cancel, $deadline);
            while (($payload = $this->connection->receive($deadline)) !== null) {
                $body = Message::decode($payload)?->body;
                if ($body instanceof Done || $body instanceof SidecarError) {
                    $this->isDone = true;
                    return $body->usage;
                }
            }
        } catch (EndOfConnection | ProtocolViolation) {
            // It is gone, and with it the request.
        }
        return null;
    }

    public function close(): void
    {
        $this->connection->close($this->isDone);
    }

    /** @return list<Transport> In their order, but those that failed just now at the end. */
    private static function inTurn(Settings $settings): array
    {
        $resting = [];
        $ready = [];
        foreach ($settings->transports as $transport) {
            if ($settings->rest->isResting($transport->name())) {
                $resting[] = $transport;
            } else {
                $ready[] = $transport;
            }
        }
        return [...$ready, ...$resting];
    }

    /** Returns what came instead of the rest of the request being taken: why, if it was said. */
    private function receiveRefusal(): Message
    {
        try {
            return $this->receive('firstEvent', 0.0);
        } catch (EndOfConnection $exception) {
            throw new TransportFailed("It took no request: {$exception->getMessage()}");
        } catch (DeadlineExceeded) {
            throw new TransportFailed("It took no request within {$this->deadlines->firstEvent} s.");
        }
    }

    /**
     * @throws EndOfConnection
     * @throws SidecarException
     */
    private function receive(string $deadlineName, float $seconds): Message
    {
        do {
            $payload = $this->connection->receive(new Deadline(min($seconds, $this->end->left())));
            $message = $payload === null ? null : Message::decode($payload);
            if ($this->end->left() <= 0 && $message?->isEnd() !== true) {
                throw new DeadlineExceeded('total', $this->deadlines->total);
            }
            if ($payload === null) {
                throw new DeadlineExceeded($deadlineName, $seconds);
            }
            // An event of a later version is skipped, but it is a sign of life.
        } while ($message === null);
        return $this->check($message);
    }

    /** @throws SidecarError The request has failed. */
    private function check(Message $message): Message
    {
        $this->isDone = $message->isEnd();
        if ($message->body instanceof SidecarError) {
            // Without an id it speaks of the connection, or of a request that could not be read: ours in any case.
            throw $message->body;
        }
        if ($message->id !== $this->id && !($message->body instanceof Heartbeat)) {
            throw new ProtocolViolation('The sidecar sent a message that belongs to no request.');
        }
        return $message;
    }
}
