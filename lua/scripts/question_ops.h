// SPDX-License-Identifier: BSD-2-Clause
// What the members of dq and dr and the functions of ffi.C both do to the query at hand.
//
// Thread: the one that has the query. False: no memory, or it does not fit; the query is as it was.
#ifndef LUA_SCRIPTS_QUESTION_OPS_H
#define LUA_SCRIPTS_QUESTION_OPS_H

#include "dnsproxy/core/query.h"

// Makes room for a packet of this size, content kept. False: no memory, or too large for DNS.
bool question_room(struct query *, size_t size);

bool question_rename(struct query *, const struct name *to);                    // and owners equal to it
bool question_replace(struct query *, const void *packet, size_t size);         // the id is kept
bool question_resize(struct query *, size_t size);                              // at least a header; new bytes are zero
const uint8_t *question_tail(const struct query *, size_t *size);               // bytes behind the message
bool question_set_tail(struct query *, const void *tail, size_t size);          // false beyond query_most(), too
struct edns question_edns(const struct query *);                                // as the packet stands
// ECS, of the client's family. More bits than that has are told (`where`: who sets them) and leave it as it is.
void question_set_prefix(struct query *, int64_t bits, const char *where);
// Texts for exporters: `place` is the offset of a char * in struct query_extra.
bool question_set_text(struct query *, size_t place, const char *text, size_t size);
// Turns the query into an answer. count may be 0; the order is drawn anew.
bool question_spoof_addresses(struct query *, const struct address *, size_t count);
bool question_spoof_rdata(struct query *, uint16_t type, const struct bytes *, size_t count);

#endif
