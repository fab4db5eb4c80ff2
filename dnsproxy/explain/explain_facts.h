// SPDX-License-Identifier: BSD-2-Clause
// What a query is like, as text: by comparing before and after, an explanation says what a room or rule has changed.
//
// A fact is a row: a name and a function that says it of a query (its pool, its question, its flags, tags, TTL limits, ...).
// Who adds a member to struct query that rules can set adds a row here, and explain() tells it without being changed. All
// facts are taken before the first room; facts_changes() takes them again and gives those that differ, as pairs of before
// and now.
//
// The answer of a walk that made one is told in the same words: its records, each as text.
//
// Internal to explain/. Owner: the explanation. The JSON that is returned is the caller's.
#ifndef DNSPROXY_EXPLAIN_EXPLAIN_FACTS_H
#define DNSPROXY_EXPLAIN_EXPLAIN_FACTS_H

#include "dnsproxy/walk/path.h"
#include "rules/chain/chain.h"

#include <jansson.h>

// ---- what a query is like, fact by fact ----

enum { FACTS = 18 };
struct facts {
  char *said[FACTS];
};
void facts_take(struct facts *, const struct query *);
void facts_fini(struct facts *);
// {"pool": ["", "abuse"], ...}: those that are not as before; NULL: none. `before` becomes what is.
json_t *facts_changes(struct facts *before, const struct query *);

// ---- as JSON ----

// {"rcode", "rcode_number", "size", "records": [{"section", "text"}]}
json_t *explain_answer(const struct query *);
// A string of bytes that may be no UTF-8: then all that is not ASCII is escaped. [before, now] of two.
json_t *explain_string(const char *bytes, size_t size);
json_t *explain_pair(const char *before, const char *now);

#endif
