// SPDX-License-Identifier: BSD-2-Clause
// The rooms as functions: made from rooms.def. Internal to path/.
#ifndef DNSPROXY_PATH_ROOMS_H
#define DNSPROXY_PATH_ROOMS_H

#include "dnsproxy/path/path.h"

#define ROOM(id, function, label, help) enum room function(struct query *);
#include "dnsproxy/path/rooms.def"
#undef ROOM

#endif
