<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Transport;

/**
 * This transport does not lead to a sidecar, or that took no request: the next one may be tried.
 *
 * @internal Leaves the client as a ConnectionFailed.
 */
final class TransportFailed extends \RuntimeException
{
}
