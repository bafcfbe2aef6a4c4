<?php

declare(strict_types=1);

namespace OpenaiMoodleSidecar\Error;

/** A setting of this client is wrong; the message names it. */
final class InvalidSettings extends \InvalidArgumentException
{
}
