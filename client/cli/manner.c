/* SPDX-License-Identifier: Apache-2.0 */
#include "manner.h"

struct manner manner_of(const struct cli *cli)
{
	return (struct manner){ .screen = &cli->screen, .words = cli->words, .utc = cli->utc };
}
