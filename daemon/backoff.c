/* SPDX-License-Identifier: Apache-2.0 */
#include "backoff.h"

uint64_t backoff_failed(struct backoff *b)
{
	if (b->pause_ms == 0)
		b->pause_ms = b->least_ms;
	else if (b->pause_ms < b->most_ms / 2)
		b->pause_ms *= 2;
	else
		b->pause_ms = b->most_ms;
	return b->pause_ms;
}

void backoff_end(struct backoff *b)
{
	b->pause_ms = 0;
}
