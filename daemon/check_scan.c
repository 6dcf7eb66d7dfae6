/* SPDX-License-Identifier: Apache-2.0 */
#include "check_scan.h"

#include <unistd.h>

_Noreturn void scan_unreadable(void)
{
	_exit(SCAN_EXIT_UNREADABLE);
}

_Noreturn void scan_nomem(void)
{
	_exit(SCAN_EXIT_NOMEM);
}
