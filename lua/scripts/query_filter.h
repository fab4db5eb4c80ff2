// SPDX-License-Identifier: BSD-2-Clause
// The end of query counting: its tables and the user's filter are given up.
#ifndef LUA_SCRIPTS_QUERY_FILTER_H
#define LUA_SCRIPTS_QUERY_FILTER_H

void query_filter_close(void); // no worker runs any more; before the shared state is closed

#endif
