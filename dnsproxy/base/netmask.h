// SPDX-License-Identifier: BSD-2-Clause
// Netmasks and sets of them: ACLs, netmask groups of scripts, addresses that a rule asks for.
//
// A netmask is a value: an address with its host bits cleared and a number of bits; a leading '!' negates it. In a set the
// longest prefix that contains an address decides, and if that one is negated the answer is no.
//
//   netmask_set --> per family: prefix tree   the truth; add, remove, walk in order     (base/prefix_tree)
//                               prefix index  the same as sorted ranges, for lookups    made by netmask_set_build()
//
// Life of a set: a counted object. It may be changed only by a holder of the only reference; netmask_set_writable() makes
// that so, by a copy if need be. Once it is shared it is immutable, so workers read it without locks. Whoever hands a set
// to workers builds the index first; without it lookups are right too, but walk the tree.
//
// Thread: the holder of the only reference changes it; any thread reads.
#ifndef DNSPROXY_BASE_NETMASK_H
#define DNSPROXY_BASE_NETMASK_H

#include "dnsproxy/base/address.h"
#include "dnsproxy/base/object.h"
#include "dnsproxy/base/text.h"

struct netmask {
  struct address network; // host bits cleared, port 0
  uint8_t bits;
  bool negated; // written with a leading '!'
};

// "10.0.0.0/8", "::1", "!192.0.2.0/24". Too long a prefix is reduced to the family's maximum, "/" is full length
// (semantics.md 18). Error (FAULT_ADDRESS): Unable to convert '<text>' to a netmask; a bad
// prefix length is FAULT_CAUGHT.
bool netmask_parse(struct netmask *, const char *text, struct fault *);
// Too long a prefix is reduced; port and scope do not count.
void netmask_from_address(struct netmask *, const struct address *, unsigned bits);
void netmask_text(const struct netmask *, struct text *); // "10.0.0.0/8", with '!' if negated
bool netmask_match(const struct netmask *, const struct address *);  // is it inside? `negated` is not looked at
bool netmask_equal(const struct netmask *, const struct netmask *);  // network and bits

struct netmask_set;
extern const struct object_class netmask_set_class; // "NetmaskGroup"

struct netmask_set *netmask_set_new(void);
// Makes *set safe to change: clones it if anybody else holds a reference.
void netmask_set_writable(struct netmask_set **set);
void netmask_set_add(struct netmask_set *, const struct netmask *);        // same prefix replaces
bool netmask_set_remove(struct netmask_set *, const struct netmask *);     // exact prefix; false if absent
void netmask_set_add_all(struct netmask_set *, const struct netmask_set *other);
void netmask_set_clear(struct netmask_set *);
// Prepares fast lookups: whoever hands a set to workers calls it first. Up to 17 bytes per mask, 43 if there are IPv6
// masks beyond /64. Lookups work without it, slowly in large sets. Does nothing the second time; a change undoes it.
// Control thread, even if the set is shared.
void netmask_set_build(struct netmask_set *);
size_t netmask_set_count(const struct netmask_set *);
// Longest prefix decides; a negated one means no. An IPv4-mapped IPv6 address is looked up as it is.
bool netmask_set_match(const struct netmask_set *, const struct address *);
// Calls visit for each mask in tree order: IPv4 first, ascending, a longer prefix before the one that contains it.
void netmask_set_each(const struct netmask_set *, void (*visit)(const struct netmask *, void *), void *arg);
// The masks in tree order, separated by `separator`.
void netmask_set_text(const struct netmask_set *, const char *separator, struct text *);

#endif
