// SPDX-License-Identifier: BSD-2-Clause
// The console's listening end: connections on the control thread's event loop. How a session goes is told in server.c.
//
// Opened by the main thread before privileges are dropped; afterwards the control thread's alone.
#ifndef CONSOLE_SERVER_H
#define CONSOLE_SERVER_H

#include "dnsproxy/base/address.h"

#include <event2/event.h>

// Error (FAULT_PLAIN): binding console socket to <addr>: <system error>. Opening again moves to the new address.
bool console_server_open(struct event_base *, const struct address *, struct fault *);
void console_server_close(void); // and all its connections

#endif
