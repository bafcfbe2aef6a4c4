<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar;

use OpenaiMoodleSidecar\Error\BrowserLeft;
use OpenaiMoodleSidecar\Error\ConnectionFailed;
use OpenaiMoodleSidecar\Error\ProtocolViolation;
use OpenaiMoodleSidecar\Error\SidecarException;
use OpenaiMoodleSidecar\Event\Acknowledgement;
use OpenaiMoodleSidecar\Event\Event;
use OpenaiMoodleSidecar\Event\Start;
use OpenaiMoodleSidecar\Event\Status;
use OpenaiMoodleSidecar\Event\Ticket;
use OpenaiMoodleSidecar\Transport\TransportFailed;

/**
 * Speaks with the sidecar. Each call has a connection of its own, so one client serves any number of them.
 *
 * Every method throws a SidecarException where there is no good end.
 */
final class Client
{
    /** @var \Closure(): bool */
    private readonly \Closure $hasLeft;

    /** @param (\Closure(): bool)|null $hasLeft Whether nobody is there to read; null: what PHP knows of its browser. */
    public function __construct(private readonly Settings $settings = new Settings(), ?\Closure $hasLeft = null)
    {
        $this->hasLeft = $hasLeft ?? static fn (): bool => connection_aborted() === 1;
    }

    /**
     * Sends a chat, summarize, analyze or resume, and gives its events as they come: Start, Deltas and others, Done.
     *
     * The request is on its way, and admitted, when this returns; what is refused has thrown by then. Whoever stops
     * reading cancels it, unless it is detached.
     *
     * PHP learns that a browser has left only when it writes: write something for every event, the Heartbeat too. For
     * PHP to be told, and not ended by it, set `ignore_user_abort(true)`.
     *
     * @return \Generator<int, Event>
     *
     * @throws BrowserLeft Nobody is there to read any more: from the generator, with what the request has cost.
     */
    public function stream(Request $request): \Generator
    {
        return $this->follow(Call::open($this->settings, $request, stream: true), $request);
    }

    /** Sends a chat, summarize, analyze or resume, and waits for the whole text. */
    public function ask(Request $request): Answer
    {
        return $this->expect(Answer::class, $request, stream: false);
    }

    /**
     * Starts a detached request and leaves it to the sidecar: returns at once with the reply's name, and the ticket if
     * one was asked for. Read it by `Request::resume()`.
     */
    public function start(Request $request): Start
    {
        if (!$request->isDetached()) {
            throw new \InvalidArgumentException('Only a request with `detach` => true goes on without its connection.');
        }
        return $this->expect(Start::class, $request, stream: true);
    }

    /**
     * Ends a reply, wherever it was asked for. One that has ended already stays as it is.
     *
     * @param string|int|null $userId Must not be another than that of the request.
     */
    public function cancel(string $reply, string|int|null $userId = null): void
    {
        $this->expect(Acknowledgement::class, Request::cancel($reply, $userId), stream: false);
    }

    /**
     * Returns what a browser reads a detached reply with, once, from behind the delta `$after` on.
     *
     * @param string|int|null $userId Must not be another than that of the request.
     */
    public function ticket(string $reply, int $after = 0, string|int|null $userId = null): Ticket
    {
        return $this->expect(Ticket::class, Request::ticket($reply, $after, $userId), stream: false);
    }

    /** Asks who is there, over the first transport that leads to somebody. */
    public function status(): Status
    {
        return $this->expect(Status::class, Request::ping(), stream: false);
    }

    /**
     * Asks who is there over each transport: for a status page.
     *
     * @return array<string, Status|SidecarException> By the transports' names.
     */
    public function probe(): array
    {
        $found = [];
        foreach ($this->settings->transports as $transport) {
            $name = $transport->name();
            try {
                $call = Call::openOver($transport, $this->settings->deadlines, Request::ping(), stream: false);
                $found[$name] = $this->take(Status::class, $call);
            } catch (TransportFailed $exception) {
                $found[$name] = new ConnectionFailed([$name => $exception->getMessage()]);
            } catch (SidecarException $exception) {
                $found[$name] = $exception;
            }
        }
        return $found;
    }

    /** @return \Generator<int, Event> */
    private function follow(Call $call, Request $request): \Generator
    {
        try {
            for ($message = $call->first; $message->body instanceof Event; $message = $call->next()) {
                yield $message->body;
                if ($message->isEnd()) {
                    return;
                }
                if (($this->hasLeft)()) {
                    throw new BrowserLeft($request->needsServer() ? null : $call->cancel());
                }
            }
            throw new ProtocolViolation('The sidecar answered a stream in one piece.');
        } finally {
            $call->close();
        }
    }

    /**
     * @template T of Event|Answer
     *
     * @param class-string<T> $class
     *
     * @return T
     */
    private function expect(string $class, Request $request, bool $stream): Event|Answer
    {
        return $this->take($class, Call::open($this->settings, $request, $stream));
    }

    /**
     * @template T of Event|Answer
     *
     * @param class-string<T> $class
     *
     * @return T
     */
    private function take(string $class, Call $call): Event|Answer
    {
        $body = $call->first->body;
        $call->close();
        if (!$body instanceof $class) {
            throw new ProtocolViolation('The sidecar sent another message than the request ends with.');
        }
        return $body;
    }
}
