<?php

/** Any other page. @license https://www.gnu.org/licenses/gpl-3.0.html GPL-3.0-or-later */

echo 'Hello';
