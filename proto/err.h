/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can go wrong, by what the caller can do about it. The enum itself is public
 * (include/trail.h); this header is the floor under every module that only needs the codes.
 */
#ifndef PROTO_ERR_H
#define PROTO_ERR_H

#include "../include/trail.h"

#endif
