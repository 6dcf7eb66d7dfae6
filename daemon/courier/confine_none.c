/* SPDX-License-Identifier: Apache-2.0 */
#include "confine.h"

#include <sys/prctl.h>

bool confine_present(void)
{
	return false;
}

bool confine_hide(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

bool confine_enter(void)
{
	return true;
}
