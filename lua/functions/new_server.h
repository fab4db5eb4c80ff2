// SPDX-License-Identifier: BSD-2-Clause
// newServer(): its options and what becomes of them.
#ifndef LUA_FUNCTIONS_NEW_SERVER_H
#define LUA_FUNCTIONS_NEW_SERVER_H

#include "lua/binder/binder.h"

int new_server(struct call *);
extern const struct param server_options[]; // the table's keys, for documentation too

#endif
