// SPDX-License-Identifier: BSD-2-Clause
// The kernel's table of neighbours (ARP, NDP): the link address of a host on a local network.
//
// A copy of the table that is read anew when it is a second old, or a tenth if it lacks an address, so that packets
// may ask for every client. Owner: one thread; reading it is one exchange with the kernel, which never waits.
#ifndef DNSPROXY_BASE_NEIGHBOURS_H
#define DNSPROXY_BASE_NEIGHBOURS_H

#include "dnsproxy/base/address.h"

#include <stddef.h>

enum { LINK_ADDRESS_MAX = 32 };

struct neighbours;
struct neighbours *neighbours_new(void);
void neighbours_free(struct neighbours **);
// Writes the link address, returns its size: 0 when the kernel knows none. Port does not count; a scope does if it is set.
size_t neighbours_find(struct neighbours *, const struct address *, uint64_t now_us, uint8_t link[LINK_ADDRESS_MAX]);
// The same for one question: reads the table.
size_t neighbours_ask(const struct address *, uint8_t link[LINK_ADDRESS_MAX]);

#endif
