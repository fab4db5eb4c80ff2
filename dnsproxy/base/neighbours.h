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
// that is told "unknown" until neighbours_tend() has started the thread. It ends with the process.
//
// While the configuration is read a wish is only noted, and neighbours_open() fulfils it: changing the user is done by every
// thread that there is, so the thread, which has no capabilities, begins when that is over. A thread that cannot be made
// (no file or memory left) is told once and tried again by neighbours_tend().
#ifndef DNSPROXY_BASE_NEIGHBOURS_H
#define DNSPROXY_BASE_NEIGHBOURS_H

#include "dnsproxy/base/address.h"

#include <stdbool.h>
#include <stddef.h>

enum { LINK_ADDRESS_MAX = 32 };

// The process has become who it will be: threads may start. Waits for the table if it is wanted already. Main thread.
void neighbours_open(void);
// Somebody will ask. Once it is open: starts the thread and waits until the table is there. Again: nothing.
// Who may not wait (a worker) leaves the start to neighbours_tend(). Any thread.
void neighbours_watch(bool may_wait);
void neighbours_tend(void); // once a second: starts what is wanted and is not there. Does not wait
void neighbours_stop(void); // nobody asks any more. Main thread
// Writes the link address, returns its size: 0 when none is known. Port does not count; a scope does if it is set.
// Inside an epoch: a worker's, or explain()'s. Costs one hash and a look at a few rows.
size_t neighbours_find(const struct address *, uint8_t link[LINK_ADDRESS_MAX]);
// The same for one question: asks the kernel, which may wait. Any thread but workers.
size_t neighbours_ask(const struct address *, uint8_t link[LINK_ADDRESS_MAX]);

#endif
