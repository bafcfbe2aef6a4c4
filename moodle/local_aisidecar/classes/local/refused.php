<?php
// This file is part of Moodle - https://moodle.org/
//
// Moodle is free software: you can redistribute it and/or modify
// it under the terms of the GNU General Public License as published by
// the Free Software Foundation, either version 3 of the License, or
// (at your option) any later version.
//
// Moodle is distributed in the hope that it will be useful,
// but WITHOUT ANY WARRANTY; without even the implied warranty of
// MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
// GNU General Public License for more details.
//
// You should have received a copy of the GNU General Public License
// along with Moodle.  If not, see <https://www.gnu.org/licenses/>.

namespace local_aisidecar\local;

use OpenaiMoodleSidecar\Error\SidecarError;
use OpenaiMoodleSidecar\Error\SidecarException;

/**
 * What was asked for is not done. Its message is for whoever asked, and says what to do or when to come back.
 *
 * @package    local_aisidecar
 * @copyright  2026 the authors of openai-moodle-sidecar
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
final class refused extends \moodle_exception {
    /**
     * Refuses.
     *
     * @param string $reason One word: a code of the protocol, or one of our own.
     * @param float|null $retryafter In how many seconds it may be tried again.
     * @param string $cause What the administrator should know; shown to nobody else.
     * @param int|null $limit How much would not have been too much.
     */
    public function __construct(
        /** @var string Why, in one word. */
        public readonly string $reason,
        /** @var float|null In how many seconds it may be tried again. */
        public readonly ?float $retryafter = null,
        /** @var string What the administrator should know. */
        public readonly string $cause = '',
        ?int $limit = null,
    ) {
        parent::__construct(words::identifier($reason), 'local_aisidecar', '', $limit ?? words::when($retryafter));
    }

    /**
     * Refuses for what the sidecar said, or for not reaching it.
     *
     * @param SidecarException $exception
     * @return self
     */
    public static function by(SidecarException $exception): self {
        return new self(
            $exception->errorCode,
            $exception instanceof SidecarError ? $exception->retryAfter : null,
            $exception->getMessage(),
        );
    }
}
