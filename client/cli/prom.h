/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status in Prometheus' text exposition format 0.0.4: base units, `log` as a label. What the
 * daemon does not know is left out.
 */
#ifndef CLI_PROM_H
#define CLI_PROM_H

#include "health.h"

#include <stdio.h>

void print_prom(FILE *to, const char *origin, const struct trail_status *s);

#endif
