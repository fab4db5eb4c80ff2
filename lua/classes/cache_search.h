// SPDX-License-Identifier: BSD-2-Clause
// Looking through a packet cache for scripts: by name, by address. Lua lock held: one reader's place serves all of them.
#ifndef LUA_CLASSES_CACHE_SEARCH_H
#define LUA_CLASSES_CACHE_SEARCH_H

#include "dnsproxy/base/address.h"
#include "dnsproxy/cache/packet_cache.h"

void cache_each(struct packet_cache *, void (*visit)(const struct packet_cache_entry *, void *), void *arg);
// Addresses in cached answers to a name; names whose cached answers hold an address (its port does not count).
void cache_addresses_of(struct packet_cache *, const struct name *, void (*found)(const struct address *, void *), void *arg);
void cache_names_of(struct packet_cache *, const struct address *, void (*found)(const struct name *, void *), void *arg);

#endif
