// SPDX-License-Identifier: BSD-2-Clause
// The pieces of explain(). Internal to explain/.
#ifndef DNSPROXY_EXPLAIN_EXPLAIN_WALK_H
#define DNSPROXY_EXPLAIN_EXPLAIN_WALK_H

#include "dnsproxy/walk/path.h"
#include "rules/chain/chain.h"

#include <jansson.h>

// ---- explain_facts.c: what a query is like, fact by fact ----

enum { FACTS = 18 };
struct facts {
  char *said[FACTS];
};
void facts_take(struct facts *, const struct query *);
void facts_fini(struct facts *);
// {"pool": ["", "abuse"], ...}: those that are not as before; NULL: none. `before` becomes what is.
json_t *facts_changes(struct facts *before, const struct query *);

// ---- explain_answer.c ----

// {"rcode", "rcode_number", "size", "records": [{"section", "text"}]}
json_t *explain_answer(const struct query *);
// A string of bytes that may be no UTF-8: then all that is not ASCII is escaped. [before, now] of two.
json_t *explain_string(const char *bytes, size_t size);
json_t *explain_pair(const char *before, const char *now);

// ---- explain_rooms.c: what a room has to say beyond what it changed ----

// Into the room's object; what it saw is in the query.
void explain_room(json_t *room, enum room, const struct query *);

#endif
