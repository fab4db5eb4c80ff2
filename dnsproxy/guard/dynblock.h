// SPDX-License-Identifier: BSD-2-Clause
// Dynamic blocks: what happens to the queries of an address, or for a suffix, for some time (semantics.md section 15).
//
//   addDynBlocks(), rules of groups --> draft --publish--> dynblock_set in the snapshot --> room dynblock: find, act
//                                         ^ purge: those whose time is over
//
// A block has a key (an address with a number of bits, perhaps of a share of the ports; or a suffix), an end, an action, a
// reason, perhaps a tag, and its hits. A longer block for the same key takes the place of a shorter one and goes on with its
// hits; a warning never takes the place of a block.
//
// A set is immutable and lives in the snapshot; draft and set share all of their tables but what changed
// (guard/dynblock_table), so that publishing costs what changed and not what is there. Blocks whose time is over are no
// longer found, and are taken out of the draft bit by bit. Workers look blocks up without a lock; the draft is edited by whoever holds the Lua lock.
#ifndef DNSPROXY_GUARD_DYNBLOCK_H
#define DNSPROXY_GUARD_DYNBLOCK_H

#include "dnsproxy/base/address.h"
#include "dnsproxy/base/object.h"
#include "dnsproxy/base/text.h"
#include "dnsproxy/core/query.h"

// Whom: addresses with these many leading bits in common, of ports with these many in common; or names at or below one.
struct dynblock_key {
  bool is_suffix;
  struct address address; // host bits are zero
  uint8_t bits, port_bits;
  struct name suffix;
};
struct dynblock_key dynblock_key_address(const struct address *, unsigned bits, unsigned port_bits); // bits beyond the family's are cut
struct dynblock_key dynblock_key_suffix(const struct name *);
void dynblock_key_text(const struct dynblock_key *, struct text *); // "192.0.2.1/32", "192.0.2.1:0/4", "a.test."

enum { DYNBLOCK_NO_ACTION = -1 }; // the default's

struct dynblock_hits {
  struct object object;
  _Atomic uint64_t count;
};
struct dynblock {
  struct object object;
  struct dynblock_key key;
  uint64_t until_us;       // monotonic
  int action;              // of the dialect, or DYNBLOCK_NO_ACTION
  bool warning;            // seen, but nothing happens
  char *reason, *tag_name, *tag_value; // tag: NULL without
  struct dynblock_hits *hits; // goes on in a later block of the same key
};
extern const struct object_class dynblock_class; // "DynBlock"

struct dynblock_set {
  struct object object;
  size_t count, address_count; // of all blocks; of those by address
  int default_action;
  struct dynblock_table *addresses, *suffixes;
};
extern const struct object_class dynblock_set_class;
// The block of longest match; NULL: none, or its time is over. Any thread.
struct dynblock *dynblock_find_client(const struct dynblock_set *, const struct address *client, uint64_t now_us);
struct dynblock *dynblock_find_name(const struct dynblock_set *, const struct name *, uint64_t now_us);

// ---- the draft: Lua lock ----

struct dynblock_draft {
  bool changed;
  int default_action;
  uint32_t purge_interval_s; // 0: never
  uint64_t purged_us;
  unsigned swept[2]; // shards of addresses, of suffixes, that the purge has looked at
  struct dynblock_table *addresses, *suffixes;
};
void dynblock_draft_init(struct dynblock_draft *);
void dynblock_draft_fini(struct dynblock_draft *);
struct dynblock_set *dynblock_set_build(const struct dynblock_draft *); // a reference for the caller

// What is to be blocked and why.
struct dynblock_spec {
  struct dynblock_key key;
  uint64_t seconds;
  const char *reason;
  int action;
  bool warning;
  const char *tag_name, *tag_value; // NULL: none
};
// A longer block that is there is kept; a warning never takes the place of a block.
enum dynblock_outcome {
  DYNBLOCK_KEPT,      // the one that was there
  DYNBLOCK_REFRESHED, // a longer one took its place
  DYNBLOCK_NEW,
};
enum dynblock_outcome dynblock_insert(struct dynblock_draft *, const struct dynblock_spec *, uint64_t now_us);
void dynblock_log(const struct dynblock_spec *); // that it was inserted
void dynblock_clear(struct dynblock_draft *);
// Removes those whose time is over, when the interval is; a bounded number in a call.
void dynblock_purge(struct dynblock_draft *, uint64_t now_us);
// Frees what sets and drafts have given up, until about `enough` blocks are freed. Any thread but workers.
void dynblock_reap(size_t enough);
// Unexpired ones: addresses in the order of netmask sets, then suffixes.
void dynblock_each(const struct dynblock_draft *, uint64_t now_us, void (*visit)(struct dynblock *, void *), void *arg);
const char *dynblock_action_text(int action); // "Send Refused"

#endif
