// SPDX-License-Identifier: BSD-2-Clause
// Sets of exact names and of suffixes: counted, copy-on-write, immutable once shared (as netmask_set).
//
// A set of names says whether a name is in it; a set of suffixes whether a name is one of its members or below one, and
// which is the longest such member. Rules, dynamic blocks and scripts have them, with a few members or with a million.
//
// Both are a table: wire bytes of the names in one arena, and slots of 32 bits of hash and 32 bits of offset. A look-up
// touches the arena only where the bits of the hash agree. For suffixes the hash of a name is made label by label from the
// right, so that one pass gives the hashes of all its suffixes, and there is one probe for each number of labels that some
// member has, longest first. A single member, as most rules have, is kept as it is and compared: no table.
//
// Strangers choose what is looked up and, through lists, what is in a set: hashes are seeded. Control changes a set that
// nobody else sees; any thread reads.
#ifndef DNSPROXY_WIRE_NAME_SET_H
#define DNSPROXY_WIRE_NAME_SET_H

#include "dnsproxy/base/object.h"
#include "dnsproxy/wire/name.h"

struct name_set;
extern const struct object_class name_set_class; // "DNSNameSet"
struct name_set *name_set_new(void);
void name_set_writable(struct name_set **);
bool name_set_add(struct name_set *, const struct name *); // false if already there
bool name_set_remove(struct name_set *, const struct name *);
void name_set_clear(struct name_set *);
size_t name_set_count(const struct name_set *);
bool name_set_has(const struct name_set *, const uint8_t *bytes, size_t size);
void name_set_each(const struct name_set *, void (*visit)(const struct name *, void *), void *arg); // any order

struct suffix_set;
extern const struct object_class suffix_set_class; // "SuffixMatchNode"
struct suffix_set *suffix_set_new(void);
void suffix_set_writable(struct suffix_set **);
void suffix_set_add(struct suffix_set *, const struct name *); // keeps the casing of the first appearance
bool suffix_set_remove(struct suffix_set *, const struct name *);
size_t suffix_set_count(const struct suffix_set *);
// Is the name equal to or below a member? On success and with match != NULL: offset into bytes of the longest member.
bool suffix_set_match(const struct suffix_set *, const uint8_t *bytes, size_t size, size_t *match);
bool suffix_set_best(const struct suffix_set *, const uint8_t *bytes, size_t size, struct name *member); // as stored
void suffix_set_each(const struct suffix_set *, void (*visit)(const struct name *, void *), void *arg); // canonical order
void suffix_set_scan(const struct suffix_set *, void (*visit)(const struct name *, void *), void *arg); // any order, fast
void suffix_set_text(const struct suffix_set *, const char *separator, struct text *); // canonical order, final dots

#endif
