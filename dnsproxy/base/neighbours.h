// SPDX-License-Identifier: BSD-2-Clause
// The kernel's table of neighbours (ARP, NDP): the link address of a host on a local network.
//
//   kernel --dump, then every change--> [ thread "neighbours" ] --> pages[hash of the address] --> workers
//          rtnetlink                      owns what is written      immutable rows, sorted         no lock, no call
//
// Asking the kernel may wait for its lock, which a worker must not. So a thread of its own asks: once for the whole table,
// and then it is told of changes. What it knows lies in pages; a change makes a new page and puts it in the place of the
// old one, which is freed once no worker can be reading it (base/epoch.h). If the kernel had no room to tell a change
// (ENOBUFS), the table is asked for again.
//
// Life: nothing exists until somebody needs it. Whatever makes use of neighbours calls neighbours_watch() when it is made
// (an action, a script that names the function), so that the table is there before the first packet; who asks without
// that is told "unknown" while the thread starts. It ends with the process.
#ifndef DNSPROXY_BASE_NEIGHBOURS_H
#define DNSPROXY_BASE_NEIGHBOURS_H

#include "dnsproxy/base/address.h"

#include <stddef.h>

enum { LINK_ADDRESS_MAX = 32 };

// Starts the thread and waits until the table is there. Again: nothing. Any thread that may wait.
void neighbours_watch(void);
void neighbours_stop(void); // nobody asks any more. Main thread
// Writes the link address, returns its size: 0 when none is known. Port does not count; a scope does if it is set.
// Inside an epoch: a worker's, or explain()'s. Costs one hash and a look at a few rows.
size_t neighbours_find(const struct address *, uint8_t link[LINK_ADDRESS_MAX]);
// The same for one question: asks the kernel, which may wait. Any thread but workers.
size_t neighbours_ask(const struct address *, uint8_t link[LINK_ADDRESS_MAX]);

#endif
